#include "desk/accounting.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace portier::desk {

namespace {

// Reading at most this often lets closes gather: one wake-up for many.
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
constexpr std::uint64_t kRefreshPeriodMs = 500;

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
    : io_(io), board_(board), hooks_(std::move(hooks)), ledger_(board), read_timer_(io), drain_timer_(io), resync_timer_(io), dump_timer_(io) {
    drain_handovers();
    settle_after_crash();
    schedule_drain();
}

void Accounting::apply(const delivery::Plan& plan, Fd destroy_events) {
    drain_handovers();
    ports_.assign(plan, "tcp");
    udp_ports_.assign(plan, "udp");
    log_connections_ = plan.log_connections;
    if (destroy_events) {
        readable_.reset();
        events_ = std::move(destroy_events);
        readable_ = std::make_unique<Readable>(io_, events_.get(), [this] { schedule_reading(); });
        readable_->wait();
    }
    if (events_) {
        if (const auto error = net::filter_destroy_events(events_.get(), ports_.intervals()))
            log_warning("cannot filter the kernel's destroy events by port", {{"error", error.message()}});
    }
    schedule_dump(kFirstDump);
}

// Closes come in crowds; under load the events of 5 ms are read in one go.
void Accounting::schedule_reading() {
    const std::uint64_t now = monotonic_microseconds();
    const std::uint64_t period_us = std::chrono::microseconds(kReadPeriod).count();
    if (now - last_read_us_ >= period_us) return read_events();
    read_timer_.expires_after(std::chrono::microseconds(period_us - (now - last_read_us_)));
    read_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) read_events();
    });
}

void Accounting::read_events() {
    last_read_us_ = monotonic_microseconds();
    const auto visit = [this](const net::SocketReport& report) {
        // A door is in the queue before its process can have it, so now every ended connection is in the ledger.
        drain_handovers();
        on_destroyed(report);
    };
    if (net::read_destroy_events(events_.get(), kReadBudget, visit) == std::errc::no_buffer_space) {
        log_limited(LogSeverity::warning, "the kernel's destroy events overran, counts come from a dump");
        resynchronise();
    }
    readable_->wait();
}

void Accounting::drain_handovers() {
    metrics::Handover record;
    while (board_.handovers.pop(record)) on_handover(record);
}

// Connections that come and stay cause no event, but their records must not fill the queue.
void Accounting::schedule_drain() {
    drain_timer_.expires_after(kDrainPeriod);
    drain_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
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
    if (port->counts_sources) hooks_.source_ended(entry.port, report.remote.address);
    if (log_connections_) log_connection(*port, report, entry);
}

void Accounting::count_lost(const Ledger::Entry& entry) {
    ledger_.remove(entry.cookie);
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
                            {"received", received_bytes(report)},
                            {"sent", report.sent},
                            {"duration", seconds},
                            {"reason", metrics::kClosedNames[static_cast<std::size_t>(close_reason(report))]}});
}

// Events were lost: what is in the ledger and no longer in the kernel has ended, nobody knows how. But an end that the
// kernel has not announced yet looks the same, so who is missing is only suspected, and counted if no event comes.
void Accounting::resynchronise() {
    board_.globals.accounting_resyncs.add();
    drain_handovers();
    const std::uint64_t begin = monotonic_milliseconds();
    std::unordered_set<std::uint64_t> living;
    const auto visit = [&](const net::SocketReport& report) { living.insert(report.cookie); };
    if (const auto error = net::dump_sockets(net::DumpWhat::connections, ports_.intervals(), visit))
        return log_limited(LogSeverity::warning, "cannot dump the connections", {{"error", error.message()}});
    std::vector<Ledger::Entry> suspects;
    ledger_.visit([&](const Ledger::Entry& entry) {
        if (entry.since_ms < begin && !living.contains(entry.cookie)) suspects.push_back(entry);
    });
    resync_timer_.expires_after(kEventPatience);
    resync_timer_.async_wait([this, suspects = std::move(suspects)](const boost::system::error_code& error) {
        if (error) return;
        for (const Ledger::Entry& suspect : suspects) {
            const auto still = ledger_.find(suspect.cookie);
            if (still && still->since_ms == suspect.since_ms) count_lost(*still);
        }
    });
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
    for (const auto& [row, count] : by_process) {
        metrics::ProcessRow& process = board_.processes[row];
        const std::uint64_t come = process.sent.get() + process.opened.get();
        process.ended.set(come - std::min(come, count));
    }
    if (ledger_.size() > 0) schedule_resync();
}

// After the events that the kernel kept for us: they know more of an end than a dump does.
void Accounting::schedule_resync() {
    resync_timer_.expires_after(kResyncDelay);
    resync_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) resynchronise();
    });
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
    dump_timer_.expires_after(delay);
    dump_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) dump_inherited();
    });
}

void Accounting::refresh() {
    const std::uint64_t now = monotonic_milliseconds();
    if (now - last_refresh_ms_ < kRefreshPeriodMs) return;
    last_refresh_ms_ = now;
    refresh_accept_queues();
    refresh_drops();
}

void Accounting::refresh_accept_queues() {
    std::unordered_map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> queues;  // a range has many listeners
    const auto visit = [&](const net::SocketReport& report) {
        const PortIndex::Port* port = ports_.find(report.local);
        if (!port) return;
        queues[port->row].first += report.accept_queue;
        queues[port->row].second += report.accept_queue_limit;
    };
    if (const auto error = net::dump_sockets(net::DumpWhat::listeners, ports_.intervals(), visit))
        return log_limited(LogSeverity::warning, "cannot dump the listeners", {{"error", error.message()}});
    for (const auto& [row, queue] : queues) {
        board_.ports[row].accept_queue_length.set(queue.first);
        board_.ports[row].accept_queue_limit.set(queue.second);
    }
}

// The kernel counts per socket, and sockets come and go: what each has dropped since we last looked is added. A router
// that takes over does not know when its predecessor last looked; the sum over all sockets is the best it can say.
void Accounting::refresh_drops() {
    if (udp_ports_.intervals().empty()) return;
    std::unordered_map<std::uint64_t, std::uint32_t> drops;  // by cookie
    std::unordered_map<std::uint32_t, std::uint64_t> sums;   // by port row
    const auto visit = [&](const net::SocketReport& report) {
        const PortIndex::Port* port = udp_ports_.find(report.local);
        if (!port) return;
        drops[report.cookie] = report.drops;
        sums[port->row] += report.drops;
        if (!drops_) return;
        const auto before = drops_->find(report.cookie);
        // The kernel's counter wraps at 2^32, and so does the difference.
        board_.ports[port->row].datagrams_dropped.add(report.drops - (before == drops_->end() ? 0 : before->second));
    };
    if (const auto error = net::dump_sockets(net::DumpWhat::udp_sockets, udp_ports_.intervals(), visit))
        return log_limited(LogSeverity::warning, "cannot dump the UDP sockets", {{"error", error.message()}});
    if (!drops_)
        for (const auto& [row, sum] : sums)
            board_.ports[row].datagrams_dropped.set(std::max(sum, board_.ports[row].datagrams_dropped.get()));
    drops_ = std::move(drops);
}

}  // namespace portier::desk
