// Accounting after something went wrong: a router that died, announcements that were lost. The ledger is compared with
// a dump of what the kernel has.
#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "desk/accounting.hpp"
#include "desk/admission.hpp"

namespace portier::desk {

namespace {

// How long the announcement of an end may take.
constexpr std::chrono::milliseconds kEventPatience{500};
// Without announcements, and after a dump that failed.
constexpr std::chrono::milliseconds kDumpPeriod{1000};

}  // namespace

void Accounting::count_lost(const Ledger::Entry& entry) {
    ledger_.remove(entry.cookie);
    proxied_.remove(entry.cookie);
    not_at_desk_.erase(entry.cookie);
    if (board_.ports[entry.port].flows.handed.get() > 0) return count_flow_end(entry, metrics::FlowClosed::unknown);
    board_.ports[entry.port].closed[static_cast<std::size_t>(metrics::Closed::unknown)].add();
    board_.processes[entry.process].ended.add();
}

// Events were lost: what is in the ledger and no longer in the kernel has ended, nobody knows how. But an end that the
// kernel has not announced yet looks the same, so who is missing is only suspected, and counted if no event comes.
void Accounting::resynchronise() {
    const Cause cause = std::exchange(resync_cause_, std::nullopt).value_or(Cause::lost_events);
    if (events_) board_.globals.accounting_resyncs.add();
    drain_handovers();
    const std::uint64_t begin = monotonic_microseconds();
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
        const auto told = proxied_.find(report.cookie);
        ++counted->second[source_key(told ? told->client.address : report.remote.address)];
    };
    // Every port: the ledger also has connections of ports that were removed, even before this router came.
    constexpr std::array<net::PortInterval, 1> kEveryPort{{{0, 65535}}};
    const auto visit_flow = [&](const net::SocketReport& report) { living.insert(report.cookie); };
    auto error = net::dump_sockets(net::DumpWhat::connections, kEveryPort, visit);
    if (!error) error = net::dump_sockets(net::DumpWhat::udp_sockets, kEveryPort, visit_flow);
    if (error) {
        log_limited(LogSeverity::warning, "cannot dump the connections", {{"error", error.message()}});
        return schedule_resync(cause, kDumpPeriod);
    }
    tell_sources(cause, sources);
    suspect_all_but(living, cause);
    resync_pace_.ended(begin, monotonic_microseconds());
    schedule_verdict();
}

void Accounting::suspect_all_but(const std::unordered_set<std::uint64_t>& living, Cause cause) {
    const std::uint64_t now = monotonic_milliseconds();
    ledger_.visit([&](const Ledger::Entry& entry) {
        if (living.contains(entry.cookie)) return suspects_.clear(entry.cookie);
        suspects_.add(entry, now);
        if (cause == Cause::lost_events) not_at_desk_.insert(entry.cookie);
    });
}

void Accounting::schedule_verdict() {
    if (std::exchange(verdict_pending_, true)) return;
    next_verdict_.set(kEventPatience, [this] {
        verdict_pending_ = false;
        for (const Ledger::Entry& suspect : suspects_.give_up(monotonic_milliseconds(), kEventPatience.count())) {
            const auto still = ledger_.find(suspect.cookie);
            if (still && still->since_ms == suspect.since_ms) count_lost(*still);
        }
        if (!suspects_.empty()) schedule_verdict();
        if (!events_) schedule_resync(Cause::lost_events, kDumpPeriod);
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
        const std::uint64_t flows =
            port.flows.handed.get() - std::min(port.flows.handed.get(), port.total_flows_ended());
        if (flows > 0)
            port.flows_ended[static_cast<std::size_t>(metrics::FlowClosed::unknown)].add(flows -
                                                                                         std::min(flows, by_port[row]));
    }
    for (std::uint32_t row = 0; row < board_.globals.process_rows.get(); ++row) {
        metrics::ProcessRow& process = board_.processes[row];
        const std::uint64_t come = process.sent.get() + process.opened.get();
        process.ended.set(come - std::min(come, by_process[row]));
    }
    resync_due_ = ledger_.size() > 0;
}

// After the events that the kernel kept for us: they know more of an end than a dump does. One that is waiting is not
// put off; lost events ask for more than a crash does.
void Accounting::schedule_resync(Cause cause, std::chrono::milliseconds delay) {
    const bool waiting = resync_cause_.has_value();
    if (!waiting || cause == Cause::lost_events) resync_cause_ = cause;
    if (!waiting) next_resync_.set(resync_pace_.delay(delay, monotonic_microseconds()), [this] { resynchronise(); });
}

}  // namespace portier::desk
