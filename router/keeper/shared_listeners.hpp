// Which process of a pool holds a connection that it, or one that it has forked, accepted from a shared listener: only
// they know, and the kernel's list of their descriptors. Compares /proc/PID/fd with a dump of the connections, every
// two seconds at most and for a fiftieth of the keeper's time at most. Keeper's thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/alarm.hpp"
#include "config/config.hpp"
#include "keeper/slot.hpp"
#include "metrics/board.hpp"
#include "net/sock_diag.hpp"

namespace portier::keeper {

class SharedListeners {
public:
    SharedListeners(boost::asio::io_context& io, metrics::Board& board) : board_(board), next_count_(io) {}

    // Counts now and from time to time for these processes; called again whenever one came or went.
    void assign(const config::Config& config, const std::vector<const Slot*>& slots);
    void stop() { next_count_.cancel(); }

private:
    struct Process {
        pid_t pid;
        std::uint32_t row;
    };

    void count();

    metrics::Board& board_;
    Alarm next_count_;
    std::vector<net::PortInterval> intervals_;
    std::vector<Process> processes_;
};

}  // namespace portier::keeper
