#include "main/router_role.hpp"

#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <map>
#include <thread>

#include "admin/http_server.hpp"
#include "admin/pages.hpp"
#include "base/alarm.hpp"
#include "base/log.hpp"
#include "delivery/link.hpp"
#include "desk/accounting.hpp"
#include "desk/desk.hpp"
#include "desk/kernel_gauges.hpp"
#include "desk/series.hpp"
#include "metrics/own_usage.hpp"

namespace portier {

namespace {

namespace asio = boost::asio;

constexpr int kLink = 3;
constexpr int kBoard = 4;
constexpr std::chrono::seconds kUsagePeriod{2};

// The admin thread's half: accounting, metrics, HTTP. Everything but the constructor runs on its own thread.
class AdminHalf {
public:
    AdminHalf(metrics::Board& board, desk::Accounting::Hooks hooks)
        : board_(board), accounting_(io_, board, std::move(hooks)), gauges_(io_, board), next_usage_(io_) {}

    asio::io_context& io() { return io_; }

    void apply(const delivery::Plan& plan, std::map<std::uint32_t, Fd> listeners, Fd destroy_events) {
        set_log_level(log_severity(plan.log_level));
        series_ = desk::series_of(plan);
        gauges_.apply(plan);
        accounting_.apply(plan, std::move(destroy_events));
        std::erase_if(servers_, [&](const auto& item) {
            return std::find(plan.admin_listeners.begin(), plan.admin_listeners.end(), item.first) ==
                   plan.admin_listeners.end();
        });
        for (auto& [number, fd] : listeners)
            servers_[number] = std::make_unique<admin::HttpServer>(io_, std::move(fd), [this](const std::string& path) {
                gauges_.refresh();
                return admin::page_for(path, board_, series_);
            });
    }

    void record_usage() {
        metrics::record_own_usage(board_.globals.roles[1]);
        next_usage_.set(kUsagePeriod, [this] { record_usage(); });
    }

private:
    asio::io_context io_{1};
    metrics::Board& board_;
    metrics::Series series_;
    desk::Accounting accounting_;
    desk::KernelGauges gauges_;
    std::map<std::uint32_t, std::unique_ptr<admin::HttpServer>> servers_;
    Alarm next_usage_;
};

// The desk thread's half: the link to the keeper and the desk.
class DeskHalf {
public:
    DeskHalf(metrics::Board& board, AdminHalf& admin)
        : admin_(admin),
          link_(kLink),
          desk_(io_, board,
                {.demand = [this](std::uint32_t row) { return !delivery::send_demand(link_.get(), row); },
                 .broken = [this](std::uint32_t row) { delivery::send_broken(link_.get(), row); },
                 .spawn = [this](const delivery::SpawnRequest& request,
                                 int connection) { return !delivery::send_spawn(link_.get(), request, connection); }}) {
        readable_ = std::make_unique<Readable>(io_, link_.get(), [this] { read_link(); });
        readable_->wait();
    }

    asio::io_context& io() { return io_; }
    desk::Desk& desk() { return desk_; }

private:
    void read_link() {
        for (;;) {
            delivery::LinkReceived received = delivery::receive_link(link_.get());
            if (received.error == std::errc::resource_unavailable_try_again) return readable_->wait();
            // Without a keeper nobody owns the ports any more.
            if (received.error) return io_.stop();
            switch (received.message->type) {
                case delivery::LinkType::offer:
                    for (auto& [number, fd] : received.message->offered) descriptors_.add(number, std::move(fd));
                    break;
                case delivery::LinkType::plan: apply(delivery::plan_from_json(received.message->plan)); break;
                case delivery::LinkType::stop: stop(std::chrono::milliseconds(received.message->generation)); break;
                case delivery::LinkType::ping: answer(received.message->generation); break;
                case delivery::LinkType::spawned_ended: spawned_ended(received.message->ended); break;
                case delivery::LinkType::applied:
                case delivery::LinkType::spawn:
                case delivery::LinkType::demand:
                case delivery::LinkType::broken: break;  // only the router says these
            }
        }
    }

    void apply(const delivery::Plan& plan) {
        std::map<std::uint32_t, Fd> admin_listeners;
        for (const std::uint32_t number : plan.admin_listeners)
            if (Fd fd = descriptors_.take(number)) admin_listeners[number] = std::move(fd);
        auto destroy_events = descriptors_.take(plan.destroy_events);
        // Accounting knows the new ports before the first connection can come through them.
        asio::post(admin_.io(),
                   [this, plan, listeners = std::move(admin_listeners), events = std::move(destroy_events)]() mutable {
                       admin_.apply(plan, std::move(listeners), std::move(events));
                       asio::post(io_, [this, plan] { apply_at_desk(plan); });
                   });
    }

    // By way of the admin thread like the plans: a plan that still calls it running must not come after.
    void spawned_ended(const delivery::SpawnEnd& end) {
        asio::post(admin_.io(), [this, end] { asio::post(io_, [this, end] { desk_.spawned_ended(end); }); });
    }

    // By way of the admin thread, so that its silence is noticed too.
    void answer(std::uint64_t generation) {
        asio::post(admin_.io(), [this, generation] {
            asio::post(io_, [this, generation] { delivery::send_applied(link_.get(), generation); });
        });
    }

    // By way of the admin thread like the plans, so that it overtakes none of them.
    void stop(std::chrono::milliseconds patience) {
        asio::post(admin_.io(), [this, patience] {
            asio::post(io_, [this, patience] {
                desk_.stop(patience, [this] { io_.stop(); });
                delivery::send_applied(link_.get(), delivery::kNoPlan);
            });
        });
    }

    void apply_at_desk(const delivery::Plan& plan) {
        desk_.apply(plan, descriptors_);
        delivery::send_applied(link_.get(), plan.generation);
    }

    asio::io_context io_{1};
    AdminHalf& admin_;
    Fd link_;
    delivery::Descriptors descriptors_;
    desk::Desk desk_;
    std::unique_ptr<Readable> readable_;
};

}  // namespace

int run_router() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);
    // For the keeper, even if everybody gets them (Ctrl-C on a terminal, systemd's KillMode=control-group): it ends us.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
    const metrics::BoardMemory board = metrics::BoardMemory::attach(Fd(kBoard));
    DeskHalf* desk_half = nullptr;
    const auto at_desk = [&desk_half](auto action) {
        asio::post(desk_half->io(), [desk_half, action = std::move(action)] { action(desk_half->desk()); });
    };
    AdminHalf admin(*board, {.source_ended =
                                 [at_desk](std::uint32_t row, const net::Address& source) {
                                     at_desk([row, source](desk::Desk& desk) { desk.connection_ended(row, source); });
                                 },
                             .sources_found =
                                 [at_desk](std::uint32_t row, const desk::SourceCounts& counts) {
                                     at_desk([row, counts](desk::Desk& desk) { desk.sources_found(row, counts); });
                                 },
                             .sources_counted =
                                 [at_desk](std::uint32_t row, const desk::SourceCounts& counts) {
                                     at_desk([row, counts](desk::Desk& desk) { desk.sources_counted(row, counts); });
                                 },
                             .flow_ended =
                                 [at_desk](std::uint32_t row, std::uint64_t cookie) {
                                     at_desk([row, cookie](desk::Desk& desk) { desk.flow_ended(row, cookie); });
                                 }});
    DeskHalf desk(*board, admin);
    desk_half = &desk;

    const auto keep_running = asio::make_work_guard(admin.io());
    asio::post(admin.io(), [&admin] { admin.record_usage(); });
    std::thread admin_thread([&admin] { admin.io().run(); });
    desk.io().run();
    admin.io().stop();
    admin_thread.join();
    return 0;
}

}  // namespace portier
