#include "delivery/relay/relay.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include "base/alarm.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "delivery/plan.hpp"
#include "delivery/relay/backends.hpp"
#include "delivery/relay/health_check.hpp"
#include "delivery/relay/threads.hpp"
#include "delivery/relay/ticket.hpp"
#include "delivery/udp/relay.hpp"
#include "delivery/udp/threads.hpp"
#include "net/proxy_protocol.hpp"
#include "net/socket.hpp"

namespace portier::delivery {

namespace {

// How often those that wait are looked at without anything having changed.
constexpr std::chrono::milliseconds kQueuePeriod{20};

constexpr std::size_t kMostPassedBy = 64;  // of a queue, each time

constexpr auto kHealth = static_cast<std::size_t>(metrics::BackendFailed::health);

class Relay final : public Delivery, public RelayReports {
public:
    explicit Relay(const DeliveryContext& context)
        : context_(context), backends_(context.board), next_look_(context.io) {}

    bool has_room() const override { return !asleep_; }
    bool is_behind() const override { return false; }
    void deliver(Accepted accepted) override;
    void demand() override;
    void end_of_burst() override {}
    void update(const HandlerPlan& plan, const std::set<std::uint32_t>& leaving, Descriptors& descriptors) override;
    bool idle() const override { return living_ == 0 && (!udp_ || udp_->idle()); }
    void end() override;
    bool reads_datagrams() const override { return true; }
    bool keep_udp_ports(const std::set<std::uint32_t>& rows) override { return udp_ && udp_->keep_ports(rows); }
    void serve_datagrams(const std::vector<PortPlan>& ports, Descriptors& descriptors) override;

    void on_connected(Backend& backend, std::uint64_t microseconds) override;
    void on_not_connected(std::unique_ptr<RelayTicket> ticket) override;
    void on_ended(std::unique_ptr<RelayTicket> ticket) override;

private:
    using Ticket = std::unique_ptr<RelayTicket>;

    void dispatch(Ticket ticket);
    void hand_over(Ticket ticket, std::shared_ptr<Backend> backend);
    void wait_in_queue(Ticket ticket);
    void serve_queue();
    void look_at_queue();
    void set_queue_alarm();
    void update_checks();
    std::vector<std::byte> proxy_header(const Accepted& accepted);
    void refuse(Ticket ticket, metrics::Closed reason);
    void finish(const RelayTicket& ticket);

    DeliveryContext context_;
    HandlerPlan plan_;
    Backends backends_;
    std::optional<net::Source> source_;                             // where connections to backends come from
    std::map<std::uint32_t, std::unique_ptr<HealthCheck>> checks_;  // by row of the backend
    const std::uint64_t started_us_ = monotonic_microseconds();
    bool asleep_ = false;     // its processes start on demand and none is there
    std::size_t living_ = 0;  // connections that were delivered and have not been counted yet
    std::deque<Ticket> queue_;
    bool ending_ = false;
    Alarm next_look_;
    bool look_is_set_ = false;
    bool short_ = false;  // of something that every connection to a backend needs, so most of the queue need not try
    std::unique_ptr<UdpRelay> udp_;  // once it has had a UDP port
};

// A handler that is gone keeps its last plan: what it has taken is served to the end.
void Relay::update(const HandlerPlan& plan, const std::set<std::uint32_t>&, Descriptors&) {
    if (!plan.delivery.empty()) {
        plan_ = plan;
        backends_.update(plan_.relay, plan_.balance);
        source_.reset();
        if (const auto address = net::parse_address(plan_.relay.source_address)) source_ = {{*address, 0}};
        update_checks();
    }
    if (plan.delivery.empty()) checks_.clear();
    const bool slept = std::exchange(asleep_, plan_.on_demand && plan_.processes.empty());
    serve_queue();
    if (slept && !asleep_) context_.on_room();
}

void Relay::update_checks() {
    const bool wanted = plan_.relay.health.interval_ms > 0;
    std::erase_if(checks_, [&](const auto& item) {
        const auto same = [&](const auto& backend) { return backend->row == item.first; };
        return !wanted || std::none_of(backends_.all().begin(), backends_.all().end(), same);
    });
    if (!wanted) return;
    for (const auto& backend : backends_.all()) {
        auto& check = checks_[backend->row];
        const auto on_checked = [this, backend](bool passed) {
            if (!passed) context_.board.backends[backend->row].failures[kHealth].add();
            backends_.checked(*backend, passed);
            if (passed) serve_queue();
        };
        if (!check) check = std::make_unique<HealthCheck>(context_.io, backend->destination, on_checked);
        check->update(plan_.relay.health, source_);
    }
}

// The id tells connections apart in the logs of both sides, over restarts too.
std::vector<std::byte> Relay::proxy_header(const Accepted& accepted) {
    const net::ProxyAddresses addresses{IPPROTO_TCP, accepted.remote, accepted.local};
    if (plan_.relay.proxy_protocol == "v1") return net::encode_proxy_v1(addresses);
    if (plan_.relay.proxy_protocol != "v2") return {};
    const std::string id = std::to_string(started_us_) + '-' + std::to_string(accepted.cookie);
    return net::encode_proxy_v2(addresses, std::as_bytes(std::span(id)));
}

// All on one thread, so that their backends have one count.
void Relay::serve_datagrams(const std::vector<PortPlan>& ports, Descriptors& descriptors) {
    if (!udp_ && ports.empty()) return;
    UdpThreads& threads = *context_.udp_threads;
    if (!udp_) udp_ = std::make_unique<UdpRelay>(threads.io(plan_.row % threads.size()), context_.board);
    udp_->apply(plan_, ports, descriptors);
}

void Relay::demand() {
    if (asleep_ && !context_.on_demand(plan_.row)) set_queue_alarm();
}

void Relay::deliver(Accepted accepted) {
    auto ticket = std::make_unique<RelayTicket>();
    ticket->idle_timeout_ms = accepted.idle_timeout_ms;
    ticket->accepted = std::move(accepted);
    ticket->owner = this;
    ++living_;
    context_.relay_threads->tell_all();  // so that the counts are those of this moment
    dispatch(std::move(ticket));
}

void Relay::dispatch(Ticket ticket) {
    if (ticket->tried.size() >= plan_.relay.attempts) return refuse(std::move(ticket), metrics::Closed::no_backend);
    const auto& source = ticket->accepted.remote.address;
    auto choice = backends_.choose(source, ticket->tried, monotonic_milliseconds());
    if (choice.backend) return hand_over(std::move(ticket), std::move(choice.backend));
    if (choice.worth_waiting) return wait_in_queue(std::move(ticket));
    refuse(std::move(ticket), metrics::Closed::no_backend);
}

void Relay::hand_over(Ticket ticket, std::shared_ptr<Backend> backend) {
    backends_.begin(*backend, monotonic_milliseconds());
    ticket->backend = std::move(backend);
    ticket->connect_timeout_ms = plan_.relay.connect_timeout_ms;
    ticket->source = source_;
    if (plan_.relay.transparent) ticket->source = {{ticket->accepted.remote.address, 0}, true};
    ticket->header = proxy_header(ticket->accepted);
    context_.relay_threads->begin(std::move(ticket));
}

void Relay::on_connected(Backend& backend, std::uint64_t microseconds) {
    backends_.connected(backend);
    context_.board.globals.dispatch_relay.observe(metrics::kDispatchBounds, microseconds);
    // There is some again, perhaps for more: the queue gets going faster and faster.
    for (int count = 0; count < 2 && short_; ++count) serve_queue();
}

void Relay::on_not_connected(Ticket ticket) {
    Backend& backend = *ticket->backend;
    backends_.ended(backend);
    if (ending_) return refuse(std::move(ticket), metrics::Closed::unknown);
    if (net::is_shortage(ticket->error)) {
        backends_.undecided(backend);
        short_ = true;
        log_limited(LogSeverity::warning, "cannot connect to a backend now, its connections wait",
                    {{"backend", backend.name}, {"error", errno_code(ticket->error).message()}});
        return wait_in_queue(std::move(ticket));
    }
    if (net::is_wrong_source(ticket->error)) {  // this connection's affair: others may well reach the backend
        backends_.undecided(backend);
        log_limited(LogSeverity::warning, "cannot connect to a backend from this address",
                    {{"backend", backend.name}, {"error", errno_code(ticket->error).message()}});
    } else {
        backends_.failed(backend, backend_failure(ticket->error), monotonic_milliseconds());
    }
    if (ticket->client_is_gone) return refuse(std::move(ticket), metrics::Closed::client_reset);
    ticket->tried.push_back(backend.row);
    dispatch(std::move(ticket));
    serve_queue();
}

void Relay::on_ended(Ticket ticket) {
    backends_.ended(*ticket->backend);
    finish(*ticket);
    serve_queue();
}

void Relay::wait_in_queue(Ticket ticket) {
    if (queue_.size() >= plan_.relay.queue_max) return refuse(std::move(ticket), metrics::Closed::queue_full);
    if (!ticket->deadline_ms) ticket->deadline_ms = monotonic_milliseconds() + plan_.relay.queue_timeout_ms;
    // Who comes back has its place again.
    const auto is_sooner = [](const Ticket& a, const Ticket& b) { return a->deadline_ms < b->deadline_ms; };
    const auto place = std::upper_bound(queue_.begin(), queue_.end(), ticket, is_sooner);
    queue_.insert(place, std::move(ticket));
    in_a_hurry = true;
    context_.board.handlers[plan_.row].queue_length.set(queue_.size());
    set_queue_alarm();
}

// As long as the first in the queue finds a backend, or will never find one. Some that have been refused by a backend
// and wait for the others are passed by, because it may be back for those behind them. In a shortage one tries for all.
void Relay::serve_queue() {
    std::size_t passed_by = 0, most = short_ ? 1 : queue_.size();
    while (passed_by < queue_.size() && most > 0) {
        const auto place = queue_.begin() + static_cast<std::ptrdiff_t>(passed_by);
        const RelayTicket& next = **place;
        auto choice = backends_.choose(next.accepted.remote.address, next.tried, monotonic_milliseconds());
        if (!choice.backend && choice.worth_waiting) {
            if (next.tried.empty() || ++passed_by > kMostPassedBy) break;
            continue;
        }
        Ticket ticket = std::move(*place);
        queue_.erase(place);
        if (!choice.backend) {
            refuse(std::move(ticket), metrics::Closed::no_backend);
            continue;
        }
        hand_over(std::move(ticket), std::move(choice.backend));
        --most;
    }
    if (queue_.empty()) short_ = false;
    in_a_hurry = !queue_.empty();
    context_.board.handlers[plan_.row].queue_length.set(queue_.size());
}

void Relay::set_queue_alarm() {
    if (!std::exchange(look_is_set_, true)) next_look_.set(kQueuePeriod, [this] { look_at_queue(); });
}

void Relay::look_at_queue() {
    look_is_set_ = false;
    const std::uint64_t now = monotonic_milliseconds();
    const auto is_overdue = [now](const Ticket& ticket) { return ticket->deadline_ms <= now; };
    const auto overdue = std::stable_partition(queue_.begin(), queue_.end(), std::not_fn(is_overdue));
    std::deque<Ticket> late(std::make_move_iterator(overdue), std::make_move_iterator(queue_.end()));
    queue_.erase(overdue, queue_.end());
    for (Ticket& ticket : late) refuse(std::move(ticket), metrics::Closed::queue_timeout);
    serve_queue();
    if (asleep_) demand();
    if (!queue_.empty()) set_queue_alarm();
}

// As a backend that is not there would: with a reset, because a peaceful end would look like an empty answer.
void Relay::refuse(Ticket ticket, metrics::Closed reason) {
    net::reset_on_close(ticket->accepted.socket.get());
    ticket->accepted.socket.reset();
    ticket->backend.reset();
    ticket->reason = reason;
    finish(*ticket);
}

void Relay::finish(const RelayTicket& ticket) {
    --living_;
    context_.on_ended({.accepted = ticket.accepted,
                       .backend = ticket.backend ? ticket.backend->name : "-",
                       .received = ticket.received,
                       .sent = ticket.sent,
                       .reason = ticket.reason});
}

void Relay::end() {
    ending_ = true;
    for (Ticket& ticket : std::exchange(queue_, {})) refuse(std::move(ticket), metrics::Closed::unknown);
    context_.relay_threads->end_all(this);
}

}  // namespace

std::unique_ptr<Delivery> make_relay(const DeliveryContext& context) {
    return std::make_unique<Relay>(context);
}

}  // namespace portier::delivery
