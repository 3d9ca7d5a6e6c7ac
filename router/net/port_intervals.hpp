// Sets of port numbers as intervals: sorted, and those that touch are one. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace portier::net {

struct PortInterval {
    std::uint16_t first;
    std::uint16_t last;
};

// Sorted and merged; what the functions below and sock_diag want.
std::vector<PortInterval> merge_intervals(std::vector<PortInterval> intervals);

// At most `limit` (at least 1) intervals that hold these and as little else as possible: nearest neighbours become one.
std::vector<PortInterval> coarsen_intervals(std::span<const PortInterval> intervals, std::size_t limit);

bool contains(std::span<const PortInterval> intervals, std::uint16_t port);

}  // namespace portier::net
