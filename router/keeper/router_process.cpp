#include "keeper/router_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "keeper/router_command.hpp"
#include "net/channel.hpp"

namespace portier::keeper {

namespace {

constexpr std::chrono::milliseconds kPatience{5000};
// A router is replaced at once; only when so many die within ten seconds each, the next ones wait, so that a defect
// that kills every router does not spin.
constexpr unsigned kManyDeaths = 20;
constexpr std::uint64_t kDeathsForgottenMs = 10'000;
constexpr std::chrono::milliseconds kDelay{500};
constexpr std::chrono::seconds kPingPeriod{5};
constexpr std::chrono::milliseconds kSendAgain{20};
constexpr std::size_t kMostEnds = 65536;
constexpr int kMessagesPerTurn = 64;
constexpr int kMostRefused = 4;  // of a router that has ended

bool wants_transparent(const delivery::Plan& plan) {
    return std::any_of(plan.handlers.begin(), plan.handlers.end(), [](const auto& h) { return h.relay.transparent; });
}

// Of our own: another router would help nobody, and could not be started.
bool is_shortage(const std::error_code& error) {
    return error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system ||
           error == std::errc::not_enough_memory;
}

}  // namespace

RouterProcess::RouterProcess(boost::asio::io_context& io, metrics::BoardMemory& board, Options options)
    : io_(io), board_(board), options_(std::move(options)), answer_(io), next_ping_(io), next_ends_(io), restart_(io) {
    // Opened now: later the file may be replaced by another version, or lie where the router's user may not look.
    executable_ = Fd(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
    if (!executable_) throw_errno("open /proc/self/exe");
}

RouterProcess::~RouterProcess() {
    if (child_.pidfd) bury();
}

void RouterProcess::start() {
    ++revision_;
    spawn();
    send_order();
    ping();
}

void RouterProcess::spawn() {
    started_ms_ = monotonic_milliseconds();
    net::ChannelPair pair = net::make_channel(net::FarDescriptors::accepted);
    may_be_transparent_ = wants_transparent(options_.make_order().plan);
    const proc::Command command = router_command({.executable = executable_.get(),
                                                  .link = pair.far.get(),
                                                  .board = board_.descriptor(),
                                                  .user = options_.user,
                                                  .log_level = options_.log_level,
                                                  .json_log = options_.json_log,
                                                  .transparent = may_be_transparent_});
    child_ = proc::spawn(command, "router");
    link_ = std::move(pair.near);
    offered_.clear();
    ends_.clear();  // the new router learns from its plan who lives
    ping_waits_ = false;
    try {
        watch();
    } catch (...) {  // nobody would see its end
        bury();
        throw;
    }
    log_debug("router started", {{"pid", child_.pid}});
}

// With what it has left behind, while the group's number is still its own.
std::optional<proc::Ending> RouterProcess::bury() {
    proc::kill_group(child_, SIGKILL);
    const auto ending = proc::reap(child_);
    child_ = {};
    exit_.reset();
    link_readable_.reset();
    return ending;
}

void RouterProcess::watch() {
    exit_ = std::make_unique<Readable>(io_, child_.pidfd.get(), [this] { on_exit(); });
    exit_->wait();
    link_readable_ = std::make_unique<Readable>(io_, link_.get(), [this] { on_link(); });
    link_readable_->wait();
}

void RouterProcess::publish(std::function<void()> applied) {
    ++revision_;
    applied_ = std::move(applied);
    if (child_.pidfd) send_order();  // otherwise the next router starts with it
}

void RouterProcess::send_order() {
    RouterOrder order = options_.make_order();
    if (wants_transparent(order.plan) && !may_be_transparent_) {
        log_warning("`transparent` needs a router with CAP_NET_ADMIN: another one is started");
        proc::kill_group(child_, SIGKILL);
        return;
    }
    std::vector<std::pair<std::uint32_t, int>> fresh;
    std::set<std::uint32_t> named;
    for (const auto& descriptor : order.descriptors) {
        named.insert(descriptor.first);
        if (!offered_.contains(descriptor.first)) fresh.push_back(descriptor);
    }
    order.plan.generation = revision_;
    const auto until = delivery::Deadline::clock::now() + kPatience;
    std::error_code error = delivery::send_offer(link_.get(), fresh, until);
    if (!error) offered_ = std::move(named);
    if (!error) error = delivery::send_plan(link_.get(), revision_, delivery::to_json(order.plan), until);
    if (is_shortage(error)) {
        log_limited(LogSeverity::warning, "the router cannot be told its plan now, it is tried again",
                    {{"error", error.message()}});
        return restart_.set(kDelay, [this] { send_order(); });
    }
    if (error && error != std::errc::broken_pipe && error != std::errc::connection_reset) {
        log_error("the router does not take its plan, another one is started", {{"error", error.message()}});
        proc::kill_group(child_, SIGKILL);
    }
    expect_answer();
}

// Once for all orders that wait for their answer: else one order after the other would keep a router that hangs.
void RouterProcess::expect_answer() {
    if (std::exchange(answer_due_, true)) return;
    answer_.set(kPatience, [this] {
        log_error("the router does not answer, another one is started");
        proc::kill_group(child_, SIGKILL);
    });
}

// Between the orders, which may be days apart.
void RouterProcess::ping() {
    const bool due = child_.pidfd && !ended_ && (!answer_due_ || ping_waits_);
    const std::error_code error = due ? delivery::send_ping(link_.get(), revision_) : std::error_code();
    // A router that has not even room for it is given no more time than one that does not answer.
    ping_waits_ = error == std::errc::resource_unavailable_try_again;
    if (due && (!error || ping_waits_)) expect_answer();
    next_ping_.set(ping_waits_ ? kSendAgain : kPingPeriod, [this] { ping(); });
}

void RouterProcess::on_link() {
    for (int i = 0; i < kMessagesPerTurn; ++i) {
        delivery::LinkReceived received = delivery::receive_from_router(link_.get());
        if (received.error == std::errc::resource_unavailable_try_again) break;
        options_.closer.close(std::move(received.refused));
        if (received.error == std::errc::bad_message) return refuse_router();
        if (received.error) return;  // its end shows in the pidfd
        if (!on_message(std::move(*received.message))) return refuse_router();
    }
    link_readable_->wait();
}

// False: no router says that.
bool RouterProcess::on_message(delivery::LinkMessage message) {
    const auto row = static_cast<std::uint32_t>(message.generation);
    switch (message.type) {
        case delivery::LinkType::demand: options_.on_demand(row); break;
        case delivery::LinkType::broken: options_.on_broken(row); break;
        case delivery::LinkType::spawn: return options_.on_spawn(message.spawn, std::move(message.connection));
        default: on_applied(message.generation);
    }
    return true;
}

void RouterProcess::refuse_router() {
    log_error("the router says what no router says, another one is started");
    proc::kill_group(child_, SIGKILL);
}

// Of a router that has ended: connections that it had accepted and sent are no longer anybody else's. A process that it
// has left behind may hold its end, but can write no more.
void RouterProcess::read_last_wishes() {
    ::shutdown(link_.get(), SHUT_RD);
    bool reset = false;
    for (int refused = 0; refused < kMostRefused;) {
        delivery::LinkReceived received = delivery::receive_from_router(link_.get());
        options_.closer.close(std::move(received.refused));
        if (received.error == std::errc::bad_message) {
            ++refused;
            continue;
        }
        // Once, before the rest, where the router has left something unread itself.
        if (received.error == std::errc::connection_reset && !std::exchange(reset, true)) continue;
        if (received.error) return;
        if (received.message->type == delivery::LinkType::spawn)
            options_.on_spawn(received.message->spawn, std::move(received.message->connection));
    }
}

void RouterProcess::spawned_ended(const delivery::SpawnEnd& end) {
    if (!link_) return;
    ends_.push_back(end);
    if (ends_.size() <= kMostEnds) return send_ends();
    log_error("the router does not read what it is told, another one is started");
    ends_.clear();
    proc::kill_group(child_, SIGKILL);
}

void RouterProcess::send_ends() {
    while (!ends_.empty()) {
        const auto error = delivery::send_spawned_ended(link_.get(), ends_.front());
        if (error == std::errc::resource_unavailable_try_again)
            return next_ends_.set(kSendAgain, [this] { send_ends(); });
        ends_.pop_front();  // if the router is dead, nobody needs it
    }
}

void RouterProcess::on_applied(std::uint64_t revision) {
    if (ended_) {  // it is waited for for another reason
        if (revision == delivery::kNoPlan && released_) on_released();
        return;
    }
    answer_.cancel();
    answer_due_ = false;
    if (revision != revision_) return expect_answer();
    if (const auto applied = std::exchange(applied_, nullptr)) applied();
}

void RouterProcess::on_exit() {
    answer_.cancel();
    answer_due_ = false;
    const auto ending = bury();
    next_ends_.cancel();
    read_last_wishes();
    options_.closer.close_unix(std::move(link_));
    if (ended_) return std::exchange(ended_, nullptr)();

    const bool by_signal = ending && !ending->exited;
    board_->globals.router_restarts[by_signal ? 1 : 0].add();
    deaths_ = monotonic_milliseconds() - started_ms_ < kDeathsForgottenMs ? deaths_ + 1 : 1;
    const bool wait = deaths_ > kManyDeaths;
    log_warning("the router died, another one follows", {{"reason", ending ? proc::to_string(*ending) : "unknown end"},
                                                         {"after_ms", wait ? kDelay.count() : 0}});
    if (!wait) return replace();
    restart_.set(kDelay, [this] { replace(); });
}

void RouterProcess::replace() {
    try {
        spawn();
        send_order();
    } catch (const std::exception& error) {
        log_error("cannot start a router", {{"error", error.what()}});
        if (!child_.pidfd) return restart_.set(kDelay, [this] { replace(); });
        proc::kill_group(child_, SIGKILL);
    }
}

void RouterProcess::stop(Stop stop) {
    released_ = std::move(stop.released);
    ended_ = std::move(stop.ended);
    applied_ = nullptr;
    restart_.cancel();
    if (!child_.pidfd) return std::exchange(ended_, nullptr)();
    ask_to_stop(stop.patience);
    kill_after(kPatience);  // one that hangs is not given the patience that its relays get
}

// Once: who asks again and again would else give a router that hangs more time with each request.
void RouterProcess::hurry() {
    if (!child_.pidfd || !ended_ || std::exchange(hurried_, true)) return;
    ask_to_stop({});
    if (!released_) kill_after(kPatience);
}

void RouterProcess::ask_to_stop(std::chrono::milliseconds patience) {
    patience_ = patience;
    delivery::send_stop(link_.get(), patience);
}

void RouterProcess::on_released() {
    kill_after(patience_ + kPatience);
    std::exchange(released_, nullptr)();
}

void RouterProcess::kill_after(std::chrono::milliseconds delay) {
    answer_.set(delay, [this] { proc::kill_group(child_, SIGKILL); });
}

}  // namespace portier::keeper
