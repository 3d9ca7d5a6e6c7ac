// Accounting of connections that processes accept for themselves.
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
        if (ledger_.find(report.cookie)) return;
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

void Accounting::schedule_dump(std::chrono::milliseconds delay) {
    next_dump_.set(dump_pace_.delay(delay, monotonic_microseconds()), [this] { dump_inherited(); });
}

}  // namespace portier::desk
