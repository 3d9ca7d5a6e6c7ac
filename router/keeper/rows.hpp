// Which row of the board belongs to which port, handler, backend and process. A port or handler keeps its row, and with
// it its counters, also while no configuration names it; only when the board is full are rows of those that are gone,
// and of which nothing lives any more, used for others. Keeper's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "metrics/board.hpp"

namespace portier::keeper {

class Rows {
public:
    explicit Rows(metrics::Board& board) : board_(board) {}

    // Rows for everything that `next` names, so that port() and handler() cannot fail for it; what `present` names
    // keeps its rows. Throws std::length_error when the board has no room.
    void reserve(const config::Config& next, const config::Config& present);

    // The same for the addresses of relays, see keeper/backends.
    void reserve_backends(const std::set<std::string>& next, const std::set<std::string>& present);

    // Throw std::length_error when the board is full.
    std::uint32_t port(const std::string& key);
    std::uint32_t handler(const std::string& name);
    std::uint32_t backend(const std::string& name);

    // A clean row for a new process; given back when the process is gone, used again as late as possible. Throws
    // std::length_error when all are in use.
    std::uint32_t take_process();
    void give_back_process(std::uint32_t row) { free_processes_.push_back(row); }

private:
    struct Names {
        std::map<std::string, std::uint32_t> rows;
        std::vector<std::uint32_t> free;  // were used, and are clean again
        std::uint32_t used = 0;           // so many have ever been
    };

    void forget_ports(const std::set<std::string>& named);
    void forget_handlers(const std::set<std::string>& named);

    metrics::Board& board_;
    Names ports_, handlers_, backends_;
    std::deque<std::uint32_t> free_processes_;
    std::uint32_t next_process_ = 1;  // row 0 is nobody
};

}  // namespace portier::keeper
