#include "tally.hpp"

#include <gtest/gtest.h>

namespace portier::guests {
namespace {

Tally measured(std::int64_t started, std::int64_t finished) {
    Tally tally;
    tally.started_ns = started;
    tally.finished_ns = finished;
    return tally;
}

TEST(Tally, EverythingThatIsNotOkIsAFailure) {
    Tally tally;
    for (std::size_t i = 0; i < kOutcomes; ++i) tally.count(static_cast<Outcome>(i), i + 1);
    EXPECT_EQ(tally.operations(), kOutcomes * (kOutcomes + 1) / 2);
    EXPECT_EQ(tally.failures(), tally.operations() - 1);
}

TEST(Tally, MergeAddsEveryCounter) {
    Tally left;
    left.count(Outcome::ok, 3);
    left.connections = 4;
    left.held = 5;
    left.late = 6;
    left.sent_bytes = 7;
    left.received_bytes = 8;
    left.connect.record(100);
    Tally right = left;
    right.count(Outcome::wrong_answer);
    right.response.record(50);
    left.merge(right);
    EXPECT_EQ(left.of(Outcome::ok), 6U);
    EXPECT_EQ(left.of(Outcome::wrong_answer), 1U);
    EXPECT_EQ(left.connections, 8U);
    EXPECT_EQ(left.held, 10U);
    EXPECT_EQ(left.late, 12U);
    EXPECT_EQ(left.sent_bytes, 14U);
    EXPECT_EQ(left.received_bytes, 16U);
    EXPECT_EQ(left.connect.count(), 2U);
    EXPECT_EQ(left.response.count(), 1U);
}

TEST(Tally, MergeSpansFromTheFirstStartToTheLastEnd) {
    Tally merged;
    merged.merge(measured(2'000'000'000, 3'000'000'000));
    merged.merge(measured(1'500'000'000, 2'500'000'000));
    EXPECT_DOUBLE_EQ(merged.seconds(), 1.5);
}

TEST(Tally, AProcessThatNeverBeganDoesNotStretchTheTime) {
    Tally merged = measured(2'000'000'000, 3'000'000'000);
    merged.merge(Tally{});
    EXPECT_DOUBLE_EQ(merged.seconds(), 1.0);
}

TEST(Tally, KeepsTheFirstSystemError) {
    Tally first;
    first.system_errno = 24;
    Tally second;
    second.system_errno = 99;
    Tally merged;
    merged.merge(first);
    merged.merge(second);
    EXPECT_EQ(merged.system_errno, 24);
}

}  // namespace
}  // namespace portier::guests
