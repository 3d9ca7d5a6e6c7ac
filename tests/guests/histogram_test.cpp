#include "histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace portier::guests {
namespace {

TEST(Histogram, IsEmptyAtFirst) {
    const Histogram histogram;
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.percentile(50), 0);
    EXPECT_EQ(histogram.mean(), 0.0);
}

TEST(Histogram, CountsSmallValuesExactly) {
    Histogram histogram;
    for (std::int64_t value = 0; value < 100; ++value) histogram.record(value);
    EXPECT_EQ(histogram.percentile(50), 49);
    EXPECT_EQ(histogram.percentile(1), 0);
    EXPECT_EQ(histogram.max(), 99);
}

TEST(Histogram, OneValueIsEveryPercentile) {
    Histogram histogram;
    histogram.record(1'000'003);
    for (const double percent : {0.0, 50.0, 99.9, 100.0})
        EXPECT_NEAR(static_cast<double>(histogram.percentile(percent)), 1'000'003.0, 10'000.0);
    EXPECT_EQ(histogram.max(), 1'000'003);
}

// Proves the 1 %: against the sorted values themselves, over nine orders of magnitude.
TEST(Histogram, EveryPercentileIsWithinOnePercent) {
    const std::uint64_t seed = 20240607;
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> exponent(1.0, 10.0);
    Histogram histogram;
    std::vector<std::int64_t> values(20'000);
    for (std::int64_t& value : values) {
        value = static_cast<std::int64_t>(std::pow(10.0, exponent(random)));
        histogram.record(value);
    }
    std::ranges::sort(values);
    for (const double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(values.size())));
        const auto exact = static_cast<double>(values[rank - 1]);
        EXPECT_NEAR(static_cast<double>(histogram.percentile(percent)), exact, exact * 0.01) << percent << " %";
    }
}

TEST(Histogram, KeepsValuesOutsideItsRangeAtItsEnds) {
    Histogram histogram;
    histogram.record(-5);
    histogram.record(Histogram::kLargest + 1);
    EXPECT_EQ(histogram.percentile(50), 0);
    EXPECT_EQ(histogram.max(), Histogram::kLargest);
    EXPECT_EQ(histogram.count(), 2U);
}

TEST(Histogram, MergedIsTheSameAsRecordedTogether) {
    Histogram even;
    Histogram odd;
    Histogram all;
    for (std::int64_t value = 1; value < 5'000'000; value += 997) {
        (value % 2 == 0 ? even : odd).record(value);
        all.record(value);
    }
    even.merge(odd);
    EXPECT_EQ(even.count(), all.count());
    EXPECT_EQ(even.max(), all.max());
    EXPECT_DOUBLE_EQ(even.mean(), all.mean());
    for (double percent = 0; percent <= 100; percent += 0.5)
        EXPECT_EQ(even.percentile(percent), all.percentile(percent));
}

TEST(Histogram, IsAFewKibibytes) {
    EXPECT_LE(sizeof(Histogram), 10U * 1024);
}

}  // namespace
}  // namespace portier::guests
