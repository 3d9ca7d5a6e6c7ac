// Turns the board into Prometheus' text format 0.0.4. Runs on the admin thread at each scrape; the writers of the
// counters are never stopped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "metrics/board.hpp"

namespace portier::metrics {

// What the rows of the board are called; from the plan in force, so a port that is removed takes its series along.
struct PortSeries {
    std::string port, protocol, handler, delivery;
    std::uint32_t row = 0;
    std::uint64_t limit = 0;    // connections, or flows
    bool router_reads = false;  // UDP: the router sees its datagrams
};
struct BackendSeries {
    std::string name;  // as the configuration has it
    std::uint32_t row = 0;
    std::uint32_t number = 0;  // the metric label
};
struct HandlerSeries {
    std::string name;
    std::uint32_t row = 0;
    bool on_demand = false;  // may be without a process
    std::string delivery{};
    std::vector<BackendSeries> backends{};  // in the order of the configuration
};
struct Series {
    std::vector<PortSeries> ports;
    std::vector<HandlerSeries> handlers;
};

inline constexpr const char* kTextContentType = "text/plain; version=0.0.4; charset=utf-8";

std::string expose_text(const Board& board, const Series& series);

}  // namespace portier::metrics
