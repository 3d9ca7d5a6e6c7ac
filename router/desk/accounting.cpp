#include "desk/accounting.hpp"

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace portier::desk {

namespace {

// How long ends gather under load.
constexpr std::chrono::milliseconds kReadPeriod{5};
constexpr unsigned kReadBudget = 4096;
constexpr std::chrono::milliseconds kDrainPeriod{100};
// See net/socket.cpp: when the client's FIN has not come for this long, the kernel gave up waiting for it.
constexpr std::uint32_t kFinNeverCameMs = 25'000;
// New ports may already have connections.
constexpr std::chrono::milliseconds kFirstDump{10};

}  // namespace

metrics::Closed close_reason(const net::SocketReport& report) {
    if (!report.has_info) return metrics::Closed::unknown;
    if (report.fin_acknowledged) {
        // The client's FIN counts as one unread byte until the handler has read the end of the stream.
        const bool handler_saw_the_end = report.unread == 0 && report.since_last_ack_ms < kFinNeverCameMs;
        return handler_saw_the_end ? metrics::Closed::client_close : metrics::Closed::handler_close;
    }
    if (report.timed_out) return metrics::Closed::timeout;
    // close(2) with unread data, or with SO_LINGER 0 (which also clears all counters), resets the client.
    const bool cleared = report.segments_in == 0;
    return report.unread > 0 || cleared ? metrics::Closed::handler_reset : metrics::Closed::client_reset;
}

std::uint64_t received_bytes(const net::SocketReport& report) {
    const bool fin_came = report.fin_acknowledged && report.since_last_ack_ms < kFinNeverCameMs;
    return report.received - (fin_came && report.received > 0 ? 1 : 0);
}

Accounting::Accounting(boost::asio::io_context& io, metrics::Board& board, Hooks hooks)
    : io_(io),
      board_(board),
      hooks_(std::move(hooks)),
      ledger_(board),
      proxied_(board),
      next_read_(io),
      next_drain_(io),
      next_resync_(io),
      next_verdict_(io),
      next_dump_(io) {
    proxied_.restore([this](std::uint64_t cookie) { return ledger_.find(cookie).has_value(); });
    drain_handovers();
    settle_after_crash();
    schedule_drain();
}

void Accounting::apply(const delivery::Plan& plan, Fd destroy_events) {
    drain_handovers();
    if (ports_.inherited().empty()) last_dump_ms_ = monotonic_milliseconds();  // nobody has looked before
    const PortIndex before = std::exchange(ports_, {});
    ports_.assign(plan, "tcp");
    leave_out_relayed(before);
    log_connections_ = plan.log_connections;
    // Connections outlive their port: what was watched once stays watched. A router before us may have handed over
    // those of a port that is relayed now.
    const auto& ours = resync_due_ ? ports_.intervals() : ports_.held_by_processes();
    watched_.insert(watched_.end(), ours.begin(), ours.end());
    flow_ports_.assign(plan, "udp");
    for (const PortIndex::Port& port : flow_ports_.ports())
        if (port.delivery == "handoff") watched_.push_back(port.interval);
    watched_ = net::merge_intervals(std::move(watched_));
    if (plan.destroy_events == 0) {
        readable_.reset();
        next_read_.cancel();
        events_.reset();
    } else if (destroy_events) {
        readable_.reset();
        events_ = std::move(destroy_events);
        watch_events();
    }
    if (events_) {
        if (const auto error = net::filter_destroy_events(events_.get(), watched_))
            log_warning("cannot filter the kernel's destroy events by port", {{"error", error.message()}});
    }
    schedule_dump(kFirstDump);
    if (std::exchange(resync_due_, false)) {
        ledger_.visit([&](const Ledger::Entry& entry) { not_at_desk_.insert(entry.cookie); });
        schedule_resync(Cause::crash);
    }
    if (!events_) schedule_resync(Cause::lost_events);
}

// The first end wakes this thread; as long as more come, they are read in crowds, without a wake-up for each. (While
// events_ is in epoll every event wakes the thread, whether or not somebody waits for it.)
void Accounting::on_events() {
    read_events();
    readable_.reset();
    gather_events();
}

void Accounting::gather_events() {
    next_read_.set(kReadPeriod, [this] {
        if (read_events() > 0) return gather_events();
        watch_events();
    });
}

void Accounting::watch_events() {
    readable_ = std::make_unique<Readable>(io_, events_.get(), [this] { on_events(); });
    readable_->wait();
}

// Returns how many there were.
unsigned Accounting::read_events() {
    unsigned count = 0;
    const auto visit = [this, &count](const net::SocketReport& report) {
        ++count;
        // A door is in the queue before its process can have it, so now every ended connection is in the ledger.
        drain_handovers();
        on_destroyed(report);
    };
    const auto error = net::read_destroy_events(events_.get(), kReadBudget, visit);
    if (error == std::errc::no_buffer_space) {
        log_limited(LogSeverity::warning, "the kernel's destroy events overran, counts come from a dump");
        overran_ = true;
        ++count;
    }
    // Until everything that fitted is read, the kernel drops more without saying so again (netlink_overrun).
    if (error == std::errc::resource_unavailable_try_again && std::exchange(overran_, false))
        schedule_resync(Cause::lost_events);
    return count;
}

void Accounting::drain_handovers() {
    metrics::Handover record;
    while (board_.handovers.peek(record)) {
        on_handover(record);
        board_.handovers.advance();  // only now: who dies in between must not leave a connection without an entry
    }
}

// Connections that come and stay cause no event, but their records must not fill the queue.
void Accounting::schedule_drain() {
    next_drain_.set(kDrainPeriod, [this] {
        drain_handovers();
        schedule_drain();
    });
}

void Accounting::on_handover(const metrics::Handover& record) {
    // Delivered again: its first process no longer has it.
    if (const auto before = ledger_.find(record.cookie)) board_.processes[before->process].ended.add();
    // Beyond the bound the client is unknown here, and its end could not be told to the desk: now or never.
    if (record.ends.client_family != 0 && !proxied_.put(record.cookie, record.ends))
        hooks_.source_ended(record.port, ProxiedLedger::ends_of(record.ends).client.address);
    ledger_.put(
        {.cookie = record.cookie, .since_ms = record.accepted_ms, .port = record.port, .process = record.process});
}

void Accounting::on_destroyed(const net::SocketReport& report) {
    suspects_.clear(report.cookie);
    if (const auto entry = ledger_.remove(report.cookie)) {
        if (!report.datagrams) return count_end(report, *entry);
        return count_flow_end(*entry, metrics::FlowClosed::handler_close);
    }
    if (report.datagrams) return;
    if (suspects_.was_given_up(report.cookie) || relayed_.erase(report.cookie) > 0) return;
    const PortIndex::Port* port = ports_.find(report.local);
    // Never handed over: refused by admission, or given up by the client before it was accepted.
    if (!port || port->router_accepts) return;
    if (report.remote.address.bytes == decltype(net::Address::bytes){}) return;  // a listener
    // It came and went between two dumps.
    board_.ports[port->row].seen.add();
    board_.processes[port->only_process].opened.add();
    count_end(report, {report.cookie, last_dump_ms_, port->row, port->only_process});
}

// By the rows of the ledger and not by the address: the port may have been removed meanwhile.
void Accounting::count_end(net::SocketReport report, const Ledger::Entry& entry) {
    const PortIndex::Port* port = ports_.find(report.local);
    if (const auto told = proxied_.remove(report.cookie)) {
        report.remote = told->client;
        report.local = told->local;
        report.received -= std::min<std::uint64_t>(report.received, told->header_size);
    }
    metrics::PortRow& row = board_.ports[entry.port];
    const metrics::Closed reason = close_reason(report);
    row.closed[static_cast<std::size_t>(reason)].add();
    row.received_bytes.add(received_bytes(report));
    row.sent_bytes.add(report.sent);
    row.duration.observe(metrics::kDurationBounds, Ledger::age_ms(entry, monotonic_milliseconds()) * 1000);
    board_.processes[entry.process].ended.add();
    if (!port) return;
    if (not_at_desk_.erase(report.cookie) == 0 && port->counts_sources)
        hooks_.source_ended(entry.port, report.remote.address);
    if (log_connections_) log_connection(*port, report, entry);
}

// Only the process can end a flow: by itself, or because the desk has asked it to.
void Accounting::count_flow_end(const Ledger::Entry& entry, metrics::FlowClosed reason) {
    metrics::PortRow& row = board_.ports[entry.port];
    metrics::Counter& evicted = row.flows_ended[static_cast<std::size_t>(metrics::FlowClosed::evicted)];
    const bool asked = reason == metrics::FlowClosed::handler_close && evicted.get() < row.flows.evictions.get();
    (asked ? evicted : row.flows_ended[static_cast<std::size_t>(reason)]).add();
    board_.processes[entry.process].ended.add();
    hooks_.flow_ended(entry.port, entry.cookie);
}

void Accounting::log_connection(const PortIndex::Port& port, const net::SocketReport& report,
                                const Ledger::Entry& entry) const {
    const double seconds = static_cast<double>(Ledger::age_ms(entry, monotonic_milliseconds())) / 1000;
    log_info("connection", {{"port", port.key},
                            {"handler", port.handler},
                            {"process", board_.processes[entry.process].slot.load(std::memory_order_relaxed)},
                            {"delivery", port.delivery},
                            {"client", net::to_string(report.remote)},
                            {"local", net::to_string(report.local)},
                            {"backend", "-"},  // only a relay has one
                            {"received", received_bytes(report)},
                            {"sent", report.sent},
                            {"duration", seconds},
                            {"reason", metrics::kClosedNames[static_cast<std::size_t>(close_reason(report))]}});
}

}  // namespace portier::desk
