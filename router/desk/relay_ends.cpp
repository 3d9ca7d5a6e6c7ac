#include "desk/relay_ends.hpp"

#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace portier::desk {

void RelayEnds::apply(const delivery::Plan& plan) {
    if (!std::exchange(settled_, true)) settle_backends();
    log_connections_ = plan.log_connections;
    for (const delivery::PortPlan& port : plan.ports)
        if (const auto& handler = plan.handlers[port.handler]; handler.delivery == "relay")
            ports_[port.row] = {port.key, handler.name};
}

// All of them: a backend that is not configured now may come back.
void RelayEnds::settle_backends() const {
    for (std::uint32_t row = 0; row < board_.globals.backend_rows.get(); ++row) board_.backends[row].settle();
}

void RelayEnds::count(const delivery::Ended& ended) const {
    auto& row = board_.ports[ended.accepted.port_row].relayed;
    const std::uint64_t microseconds = monotonic_microseconds() - ended.accepted.accepted_us;
    row.received_bytes.add(ended.received);
    row.sent_bytes.add(ended.sent);
    row.duration.observe(metrics::kDurationBounds, microseconds);
    row.closed[static_cast<std::size_t>(ended.reason)].add();
    if (log_connections_) log_connection(ended, microseconds);
}

void RelayEnds::log_connection(const delivery::Ended& ended, std::uint64_t microseconds) const {
    const auto port = ports_.find(ended.accepted.port_row);
    const bool known = port != ports_.end();
    log_info("connection", {{"port", known ? port->second.key : "-"},
                            {"handler", known ? port->second.handler : "-"},
                            {"process", "-"},  // which of them, if it is a process of ours at all, only itself knows
                            {"delivery", "relay"},
                            {"client", net::to_string(ended.accepted.remote)},
                            {"local", net::to_string(ended.accepted.local)},
                            {"backend", ended.backend},
                            {"received", ended.received},
                            {"sent", ended.sent},
                            {"duration", static_cast<double>(microseconds) / 1e6},
                            {"reason", metrics::kClosedNames[static_cast<std::size_t>(ended.reason)]}});
}

}  // namespace portier::desk
