// What the kernel tells only when asked: how many connections wait to be accepted, how many datagrams were dropped.
// Looks once a second, so that the board is also fit for `portier status`, which asks the keeper. Admin thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/alarm.hpp"
#include "delivery/plan.hpp"
#include "desk/dump_pace.hpp"
#include "desk/port_index.hpp"
#include "metrics/board.hpp"

namespace portier::desk {

class KernelGauges {
public:
    KernelGauges(boost::asio::io_context& io, metrics::Board& board) : board_(board), next_look_(io) {}

    void apply(const delivery::Plan& plan);

    // Brings the board up to date; at most twice a second, and no more often than DumpPace allows, so that many scrapes
    // cost no more than a few.
    void refresh();

private:
    void look_again();
    void refresh_accept_queues();
    void refresh_drops();

    metrics::Board& board_;
    PortIndex tcp_ports_;
    PortIndex udp_ports_;
    std::optional<std::unordered_map<std::uint64_t, std::uint32_t>> drops_;  // of each UDP socket, by cookie
    std::uint64_t last_refresh_us_ = 0;
    DumpPace pace_;
    Alarm next_look_;
};

}  // namespace portier::desk
