// Accounting of connections that processes accept for themselves.
#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "desk/accounting.hpp"

namespace portier::desk {

namespace {

constexpr std::chrono::milliseconds kDumpPeriod{1000};

}  // namespace

// Connections that processes accept for themselves are found by looking.
void Accounting::dump_inherited() {
    if (ports_.inherited().empty()) return;
    const std::uint64_t begin = monotonic_microseconds();
    const auto visit = [&](const net::SocketReport& report) {
        const PortIndex::Port* port = ports_.find(report.local);
        // Without an inode and not closing it still waits to be accepted.
        if (!port || port->router_accepts || (report.inode == 0 && !report.closing)) return;
        if (ledger_.find(report.cookie) || relayed_.contains(report.cookie)) return;
        board_.ports[port->row].seen.add();
        board_.processes[port->only_process].opened.add();
        ledger_.put(
            {.cookie = report.cookie, .since_ms = begin / 1000, .port = port->row, .process = port->only_process});
    };
    if (const auto error = net::dump_sockets(net::DumpWhat::connections, ports_.inherited(), visit))
        log_limited(LogSeverity::warning, "cannot dump the connections", {{"error", error.message()}});
    last_dump_ms_ = begin / 1000;
    dump_pace_.ended(begin, monotonic_microseconds());
    schedule_dump(kDumpPeriod);
}

// On a port that was relayed and is inherited now, the relay still has connections, and counts them itself.
void Accounting::leave_out_relayed(const PortIndex& before) {
    const auto is_relayed = [](const PortIndex::Port& port) { return port.delivery == "relay"; };
    if (ports_.inherited().empty() || std::none_of(before.ports().begin(), before.ports().end(), is_relayed)) return;
    const auto visit = [&](const net::SocketReport& report) {
        const PortIndex::Port* port = before.find(report.local);
        if (port && is_relayed(*port) && report.inode != 0) relayed_.insert(report.cookie);
    };
    if (const auto error = net::dump_sockets(net::DumpWhat::connections, ports_.inherited(), visit))
        log_limited(LogSeverity::warning, "cannot dump the connections", {{"error", error.message()}});
}

void Accounting::schedule_dump(std::chrono::milliseconds delay) {
    next_dump_.set(dump_pace_.delay(delay, monotonic_microseconds()), [this] { dump_inherited(); });
}

}  // namespace portier::desk
