#include "desk/kernel_gauges.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "net/sock_diag.hpp"

namespace portier::desk {

namespace {

constexpr std::uint64_t kShortestPeriodUs = 500'000;
constexpr std::chrono::seconds kPeriod{1};

}  // namespace

void KernelGauges::apply(const delivery::Plan& plan) {
    tcp_ports_.assign(plan, "tcp");
    udp_ports_.assign(plan, "udp");
    look_again();
}

void KernelGauges::look_again() {
    next_look_.set(pace_.delay(kPeriod, monotonic_microseconds()), [this] {
        refresh();
        look_again();
    });
}

void KernelGauges::refresh() {
    const std::uint64_t now = monotonic_microseconds();
    if (now - last_refresh_us_ < kShortestPeriodUs || !pace_.may_begin(now)) return;
    last_refresh_us_ = now;
    refresh_accept_queues();
    refresh_drops();
    pace_.ended(now, monotonic_microseconds());
}

void KernelGauges::refresh_accept_queues() {
    std::unordered_map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> queues;  // a range has many listeners
    const auto visit = [&](const net::SocketReport& report) {
        const PortIndex::Port* port = tcp_ports_.find(report.local);
        if (!port) return;
        queues[port->row].first += report.accept_queue;
        queues[port->row].second += report.accept_queue_limit;
    };
    if (const auto error = net::dump_sockets(net::DumpWhat::listeners, tcp_ports_.intervals(), visit))
        return log_limited(LogSeverity::warning, "cannot dump the listeners", {{"error", error.message()}});
    for (const auto& [row, queue] : queues) {
        board_.ports[row].accept_queue_length.set(queue.first);
        board_.ports[row].accept_queue_limit.set(queue.second);
    }
}

// The kernel counts per socket, and sockets come and go: what each has dropped since we last looked is added. A router
// that takes over does not know when its predecessor last looked; the sum over all sockets is the best it can say.
void KernelGauges::refresh_drops() {
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
