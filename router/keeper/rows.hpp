// Which row of the board belongs to which port, handler and process. A port or handler keeps its row, and with it its
// counters, for as long as the keeper lives, also while no configuration names it. Keeper's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "metrics/board.hpp"

namespace portier::keeper {

class Rows {
public:
    explicit Rows(metrics::Board& board) : board_(board) {}

    // Throw std::length_error when the board is full.
    std::uint32_t port(const std::string& key);
    std::uint32_t handler(const std::string& name);

    // A clean row for a new process; given back when the process is gone, used again as late as possible.
    std::uint32_t take_process();
    void give_back_process(std::uint32_t row) { free_processes_.push_back(row); }

private:
    metrics::Board& board_;
    std::map<std::string, std::uint32_t> ports_;
    std::map<std::string, std::uint32_t> handlers_;
    std::deque<std::uint32_t> free_processes_;
    std::uint32_t next_process_ = 1;  // row 0 is nobody
};

}  // namespace portier::keeper
