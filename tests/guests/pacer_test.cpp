#include "pacer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace portier::guests {
namespace {

constexpr std::int64_t kStart = 1'000;
constexpr std::int64_t kOneSecond = 1'000'000'000;

TEST(Pacer, ClosedLoopIsAlwaysDueUntilTheTotal) {
    Pacer pacer({.total = 3});
    pacer.start(kStart);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(pacer.due(kStart + i));
        EXPECT_EQ(pacer.take(kStart + i), kStart + i);
    }
    EXPECT_TRUE(pacer.exhausted(kStart));
    EXPECT_FALSE(pacer.due(kStart));
}

TEST(Pacer, ClosedLoopEndsWithTheTime) {
    Pacer pacer({.duration_ns = kOneSecond});
    pacer.start(kStart);
    EXPECT_TRUE(pacer.due(kStart + kOneSecond - 1));
    EXPECT_TRUE(pacer.exhausted(kStart + kOneSecond));
    EXPECT_EQ(pacer.remaining(), 0U);
}

TEST(Pacer, OpenLoopKeepsItsPlanHoweverLateItIsAsked) {
    Pacer pacer({.rate = 10, .duration_ns = kOneSecond});
    pacer.start(kStart);
    const std::int64_t late = kStart + 100 * kOneSecond;
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(pacer.due(late));
        EXPECT_EQ(pacer.take(late), kStart + i * kOneSecond / 10);
    }
    EXPECT_TRUE(pacer.exhausted(late));
}

TEST(Pacer, OpenLoopIsNotDueBeforeItsTime) {
    Pacer pacer({.rate = 10, .total = 5});
    pacer.start(kStart);
    EXPECT_EQ(pacer.take(kStart), kStart);
    EXPECT_FALSE(pacer.due(kStart + kOneSecond / 10 - 1));
    EXPECT_TRUE(pacer.due(kStart + kOneSecond / 10));
}

TEST(Pacer, ProcessesTogetherMakeOneEvenSchedule) {
    std::vector<std::int64_t> times;
    for (std::uint32_t index = 0; index < 3; ++index) {
        Pacer pacer({.rate = 100, .total = 8, .processes = 3, .index = index});
        pacer.start(0);
        while (!pacer.exhausted(0)) times.push_back(pacer.take(0));
    }
    std::ranges::sort(times);
    ASSERT_EQ(times.size(), 8U);
    for (std::size_t i = 0; i < times.size(); ++i) EXPECT_EQ(times[i], static_cast<std::int64_t>(i) * kOneSecond / 100);
}

TEST(Pacer, StoppedIsNeverDue) {
    for (const double rate : {0.0, 10.0}) {
        Pacer pacer({.rate = rate, .total = 5});
        pacer.start(kStart);
        pacer.stop();
        EXPECT_FALSE(pacer.due(kStart + kOneSecond));
        EXPECT_EQ(pacer.remaining(), 0U);
    }
}

TEST(Pacer, SharesAddUp) {
    for (const std::uint64_t total : {0U, 1U, 7U, 100U}) {
        std::uint64_t sum = 0;
        for (std::uint32_t index = 0; index < 7; ++index) sum += share_of(total, index, 7);
        EXPECT_EQ(sum, total);
    }
}

}  // namespace
}  // namespace portier::guests
