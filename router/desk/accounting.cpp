#include "desk/accounting.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "desk/admission.hpp"

namespace portier::desk {

namespace {

// How long ends gather under load.
constexpr std::chrono::milliseconds kReadPeriod{5};
constexpr unsigned kReadBudget = 4096;
constexpr std::chrono::milliseconds kDrainPeriod{100};
// See net/socket.cpp: when the client's FIN has not come for this long, the kernel gave up waiting for it.
constexpr std::uint32_t kFinNeverCameMs = 25'000;
constexpr std::chrono::milliseconds kResyncDelay{200};
constexpr std::chrono::milliseconds kEventPatience{500};
// Looking for inherited connections takes at most a fiftieth of this thread's time.
constexpr std::chrono::milliseconds kFirstDump{10};
constexpr std::chrono::milliseconds kDumpPeriod{1000};
constexpr int kDumpRest = 50;

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
    : io_(io), board_(board), hooks_(std::move(hooks)), ledger_(board),
      next_read_(io), next_drain_(io), next_resync_(io), next_dump_(io) {
    drain_handovers();
    settle_after_crash();
    schedule_drain();
}

void Accounting::apply(const delivery::Plan& plan, Fd destroy_events) {
    drain_handovers();
    if (ports_.inherited().empty()) last_dump_ms_ = monotonic_milliseconds();  // nobody has looked before
    ports_.assign(plan, "tcp");
    log_connections_ = plan.log_connections;
    // Connections outlive their port: what was watched once stays watched.
    watched_.insert(watched_.end(), ports_.intervals().begin(), ports_.intervals().end());
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
        schedule_resync(kResyncDelay, Cause::crash);
    }
    if (!events_) schedule_resync(kResyncDelay, Cause::lost_events);
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
    auto error = net::read_destroy_events(events_.get(), kReadBudget, visit);
    if (error == std::errc::no_buffer_space) {
        // Until everything that fitted is read, the kernel drops more without saying so again (netlink_overrun).
        while (!error || error == std::errc::no_buffer_space)
            error = net::read_destroy_events(events_.get(), kReadBudget, visit);
        log_limited(LogSeverity::warning, "the kernel's destroy events overran, counts come from a dump");
        resynchronise(Cause::lost_events);
        ++count;
    }
    return count;
}

void Accounting::drain_handovers() {
    metrics::Handover record;
    while (board_.handovers.pop(record)) on_handover(record);
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
    ledger_.put({.cookie = record.cookie, .since_ms = record.accepted_ms, .port = record.port, .process = record.process});
}

void Accounting::on_destroyed(const net::SocketReport& report) {
    if (const auto entry = ledger_.remove(report.cookie)) return count_end(report, *entry);
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
void Accounting::count_end(const net::SocketReport& report, const Ledger::Entry& entry) {
    metrics::PortRow& row = board_.ports[entry.port];
    const metrics::Closed reason = close_reason(report);
    row.closed[static_cast<std::size_t>(reason)].add();
    row.received_bytes.add(received_bytes(report));
    row.sent_bytes.add(report.sent);
    row.duration.observe(metrics::kDurationBounds, Ledger::age_ms(entry, monotonic_milliseconds()) * 1000);
    board_.processes[entry.process].ended.add();
    const PortIndex::Port* port = ports_.find(report.local);
    if (!port) return;
    if (not_at_desk_.erase(report.cookie) == 0 && port->counts_sources) hooks_.source_ended(entry.port, report.remote.address);
    if (log_connections_) log_connection(*port, report, entry);
}

void Accounting::count_lost(const Ledger::Entry& entry) {
    ledger_.remove(entry.cookie);
    not_at_desk_.erase(entry.cookie);
    board_.ports[entry.port].closed[static_cast<std::size_t>(metrics::Closed::unknown)].add();
    board_.processes[entry.process].ended.add();
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

// Events were lost: what is in the ledger and no longer in the kernel has ended, nobody knows how. But an end that the
// kernel has not announced yet looks the same, so who is missing is only suspected, and counted if no event comes.
void Accounting::resynchronise(Cause cause) {
    if (events_) board_.globals.accounting_resyncs.add();
    drain_handovers();
    const std::uint64_t begin = monotonic_milliseconds();
    std::unordered_set<std::uint64_t> living;
    std::map<std::uint32_t, SourceCounts> sources;  // by port
    for (const PortIndex::Port& port : ports_.ports())
        if (port.counts_sources) sources[port.row];
    const auto visit = [&](const net::SocketReport& report) {
        const auto entry = ledger_.find(report.cookie);
        if (!entry) return;
        living.insert(report.cookie);
        const bool at_desk = not_at_desk_.erase(report.cookie) == 0;
        const auto counted = sources.find(entry->port);
        if (counted == sources.end() || (cause == Cause::crash && at_desk)) return;
        ++counted->second[source_key(report.remote.address)];
    };
    // Every port: the ledger also has connections of ports that were removed, even before this router came.
    constexpr std::array<net::PortInterval, 1> kEveryPort{{{0, 65535}}};
    if (const auto error = net::dump_sockets(net::DumpWhat::connections, kEveryPort, visit)) {
        log_limited(LogSeverity::warning, "cannot dump the connections", {{"error", error.message()}});
        return schedule_resync(kDumpPeriod, cause);
    }
    tell_sources(cause, sources);
    std::vector<Ledger::Entry> suspects;
    ledger_.visit([&](const Ledger::Entry& entry) {
        if (living.contains(entry.cookie)) return;
        suspects.push_back(entry);
        if (cause == Cause::lost_events) not_at_desk_.insert(entry.cookie);
    });
    const std::chrono::milliseconds cost(monotonic_milliseconds() - begin);
    next_resync_.set(kEventPatience, [this, cost, suspects = std::move(suspects)] {
        for (const Ledger::Entry& suspect : suspects) {
            const auto still = ledger_.find(suspect.cookie);
            if (still && still->since_ms == suspect.since_ms) count_lost(*still);
        }
        if (!events_) schedule_resync(std::max(kDumpPeriod, cost * kDumpRest), Cause::lost_events);
    });
}

void Accounting::tell_sources(Cause cause, const std::map<std::uint32_t, SourceCounts>& sources) const {
    for (const auto& [row, counts] : sources)
        cause == Cause::crash ? hooks_.sources_found(row, counts) : hooks_.sources_counted(row, counts);
}

// A router before us may have died between accepting and handing over; nothing is accepted yet, so the difference
// between the counts and the ledger is what it lost.
void Accounting::settle_after_crash() {
    std::unordered_map<std::uint32_t, std::uint64_t> by_port, by_process;
    ledger_.visit([&](const Ledger::Entry& entry) {
        ++by_port[entry.port];
        ++by_process[entry.process];
    });
    for (std::uint32_t row = 0; row < board_.globals.port_rows.get(); ++row) {
        metrics::PortRow& port = board_.ports[row];
        const std::uint64_t lost = port.active() - std::min(port.active(), by_port[row]);
        port.closed[static_cast<std::size_t>(metrics::Closed::unknown)].add(lost);
    }
    for (std::uint32_t row = 0; row < board_.globals.process_rows.get(); ++row) {
        metrics::ProcessRow& process = board_.processes[row];
        const std::uint64_t come = process.sent.get() + process.opened.get();
        process.ended.set(come - std::min(come, by_process[row]));
    }
    resync_due_ = ledger_.size() > 0;
}

// After the events that the kernel kept for us: they know more of an end than a dump does.
void Accounting::schedule_resync(std::chrono::milliseconds delay, Cause cause) {
    next_resync_.set(delay, [this, cause] { resynchronise(cause); });
}

// Connections that processes accept for themselves are found by looking.
void Accounting::dump_inherited() {
    if (ports_.inherited().empty()) return;
    const std::uint64_t begin = monotonic_milliseconds();
    const auto visit = [&](const net::SocketReport& report) {
        const PortIndex::Port* port = ports_.find(report.local);
        // Without an inode and not closing it still waits to be accepted.
        if (!port || port->router_accepts || (report.inode == 0 && !report.closing)) return;
        if (ledger_.find(report.cookie)) return;
        board_.ports[port->row].seen.add();
        board_.processes[port->only_process].opened.add();
        ledger_.put({.cookie = report.cookie, .since_ms = begin, .port = port->row, .process = port->only_process});
    };
    if (const auto error = net::dump_sockets(net::DumpWhat::connections, ports_.inherited(), visit))
        log_limited(LogSeverity::warning, "cannot dump the connections", {{"error", error.message()}});
    last_dump_ms_ = begin;
    const std::chrono::milliseconds cost(monotonic_milliseconds() - begin);
    schedule_dump(std::max(kDumpPeriod, cost * kDumpRest));
}

void Accounting::schedule_dump(std::chrono::milliseconds delay) {
    next_dump_.set(delay, [this] { dump_inherited(); });
}

}  // namespace portier::desk
