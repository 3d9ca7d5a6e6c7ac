#include "net/port_intervals.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/random.hpp"

namespace portier::net {

namespace {

using Intervals = std::vector<PortInterval>;

void expect_same(const Intervals& found, const Intervals& wanted) {
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].first, wanted[i].first);
        EXPECT_EQ(found[i].last, wanted[i].last);
    }
}

}  // namespace

// Intervals come out sorted, and those that touch or overlap become one.
TEST(PortIntervals, Merge) {
    const struct {
        Intervals before, wanted;
    } cases[]{
        {{}, {}},
        {{{5, 5}}, {{5, 5}}},
        {{{5, 6}, {1, 2}}, {{1, 2}, {5, 6}}},
        {{{1, 2}, {3, 4}}, {{1, 4}}},
        {{{1, 10}, {2, 3}}, {{1, 10}}},
        {{{2, 3}, {2, 9}, {4, 5}}, {{2, 9}}},
        {{{65535, 65535}, {0, 65534}}, {{0, 65535}}},
        {{{0, 65535}, {65535, 65535}}, {{0, 65535}}},
    };
    for (const auto& c : cases) expect_same(merge_intervals(c.before), c.wanted);
}

// The nearest neighbours become one, the widest gaps stay.
TEST(PortIntervals, Coarsen) {
    const Intervals all{{1, 2}, {6, 6}, {100, 100}, {103, 110}, {9000, 9001}};
    expect_same(coarsen_intervals(all, 5), all);
    expect_same(coarsen_intervals(all, 4), {{1, 2}, {6, 6}, {100, 110}, {9000, 9001}});
    expect_same(coarsen_intervals(all, 3), {{1, 6}, {100, 110}, {9000, 9001}});
    expect_same(coarsen_intervals(all, 2), {{1, 110}, {9000, 9001}});
    expect_same(coarsen_intervals(all, 1), {{1, 9001}});
    expect_same(coarsen_intervals({}, 1), {});
}

// Of whatever ports, and however coarse: none is lost, and the limit is kept.
TEST(PortIntervals, CoarseOnesHoldEveryPort) {
    test::Random random;
    for (int round = 0; round < 100; ++round) {
        Intervals intervals(random.between(1, 300));
        for (PortInterval& interval : intervals) {
            interval.first = static_cast<std::uint16_t>(random.between(0, 65535));
            interval.last =
                static_cast<std::uint16_t>(std::min<std::size_t>(65535, interval.first + random.between(0, 9)));
        }
        const Intervals merged = merge_intervals(intervals);
        const std::size_t limit = random.between(1, 300);
        const Intervals coarse = coarsen_intervals(merged, limit);
        ASSERT_EQ(coarse.size(), std::min(limit, merged.size()));
        for (const PortInterval& interval : intervals)
            for (unsigned port = interval.first; port <= interval.last; ++port)
                ASSERT_TRUE(contains(coarse, static_cast<std::uint16_t>(port)));
        ASSERT_EQ(coarse.size(), merge_intervals(coarse).size());
    }
}

// Both ends of each interval are inside, their neighbours are not.
TEST(PortIntervals, Contain) {
    const Intervals intervals{{10, 12}, {20, 20}, {65535, 65535}};
    for (const int inside : {10, 11, 12, 20, 65535})
        EXPECT_TRUE(contains(intervals, static_cast<std::uint16_t>(inside)));
    for (const int outside : {0, 9, 13, 19, 21, 65534})
        EXPECT_FALSE(contains(intervals, static_cast<std::uint16_t>(outside)));
    EXPECT_FALSE(contains({}, 0));
}

}  // namespace portier::net
