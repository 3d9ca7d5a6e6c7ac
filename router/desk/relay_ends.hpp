// Counts and logs the connections that a relay has ended: the router moved their bytes itself, so the kernel is not
// asked (desk/accounting). Desk thread only.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "delivery/delivery.hpp"
#include "delivery/plan.hpp"
#include "metrics/board.hpp"

namespace portier::desk {

class RelayEnds {
public:
    explicit RelayEnds(metrics::Board& board) : board_(board) {}

    // The first plan also settles what a router before us, which died with its connections, had open to backends. (What
    // it had of ports is settled by desk/accounting.)
    void apply(const delivery::Plan& plan);
    void count(const delivery::Ended& ended) const;

private:
    struct Port {
        std::string key, handler;
    };

    void settle_backends() const;
    void log_connection(const delivery::Ended& ended, std::uint64_t microseconds) const;

    metrics::Board& board_;
    std::unordered_map<std::uint32_t, Port> ports_;  // by row; connections outlive their port, so none is forgotten
    bool log_connections_ = false;
    bool settled_ = false;
};

}  // namespace portier::desk
