#include "net/port_intervals.hpp"

#include <algorithm>
#include <numeric>

namespace portier::net {

std::vector<PortInterval> merge_intervals(std::vector<PortInterval> intervals) {
    std::sort(intervals.begin(), intervals.end(), [](auto a, auto b) { return a.first < b.first; });
    std::vector<PortInterval> merged;
    for (const PortInterval& next : intervals) {
        if (!merged.empty() && next.first <= merged.back().last + 1)
            merged.back().last = std::max(merged.back().last, next.last);
        else
            merged.push_back(next);
    }
    return merged;
}

std::vector<PortInterval> coarsen_intervals(std::span<const PortInterval> intervals, std::size_t limit) {
    if (intervals.size() <= limit) return {intervals.begin(), intervals.end()};
    // The widest gaps stay.
    std::vector<std::size_t> gaps(intervals.size() - 1);  // each by the interval behind it
    std::iota(gaps.begin(), gaps.end(), 1);
    const auto kept = gaps.begin() + static_cast<std::ptrdiff_t>(limit - 1);
    const auto width = [&](std::size_t i) { return intervals[i].first - intervals[i - 1].last; };
    std::nth_element(gaps.begin(), kept, gaps.end(), [&](auto a, auto b) { return width(a) > width(b); });
    std::sort(gaps.begin(), kept);
    std::vector<PortInterval> coarse{{intervals.front().first, intervals.back().last}};
    for (auto gap = gaps.begin(); gap != kept; ++gap) {
        coarse.back().last = intervals[*gap - 1].last;
        coarse.push_back({intervals[*gap].first, intervals.back().last});
    }
    return coarse;
}

bool contains(std::span<const PortInterval> intervals, std::uint16_t port) {
    const auto after = std::upper_bound(intervals.begin(), intervals.end(), port,
                                        [](std::uint16_t p, const PortInterval& i) { return p < i.first; });
    return after != intervals.begin() && port <= std::prev(after)->last;
}

}  // namespace portier::net
