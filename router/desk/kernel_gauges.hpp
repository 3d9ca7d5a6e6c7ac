// What the kernel tells only when asked: how many connections wait to be accepted, how many datagrams were dropped.
// Admin thread.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "delivery/plan.hpp"
#include "desk/port_index.hpp"
#include "metrics/board.hpp"

namespace portier::desk {

class KernelGauges {
public:
    explicit KernelGauges(metrics::Board& board) : board_(board) {}

    void apply(const delivery::Plan& plan);

    // Brings the board up to date; at most twice a second, so that many scrapes cost no more than a few.
    void refresh();

private:
    void refresh_accept_queues();
    void refresh_drops();

    metrics::Board& board_;
    PortIndex tcp_ports_;
    PortIndex udp_ports_;
    std::optional<std::unordered_map<std::uint64_t, std::uint32_t>> drops_;  // of each UDP socket, by cookie
    std::uint64_t last_refresh_ms_ = 0;
};

}  // namespace portier::desk
