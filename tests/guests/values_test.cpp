#include "values.hpp"

#include <gtest/gtest.h>

namespace portier::guests {
namespace {

using namespace std::chrono_literals;

TEST(Values, ReadsDurations) {
    EXPECT_EQ(parse_duration("250ms"), Nanoseconds(250ms));
    EXPECT_EQ(parse_duration("1m30s"), Nanoseconds(90s));
    EXPECT_EQ(parse_duration("2h"), Nanoseconds(2h));
    EXPECT_EQ(parse_duration("100us"), Nanoseconds(100us));
}

TEST(Values, RefusesWhatIsNoDuration) {
    for (const char* text : {"", "10", "s", "10 s", "-1s", "1.5s", "10x", "99999999999h", "9999999h9999999h"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Values, ReadsSizes) {
    EXPECT_EQ(parse_size("64"), 64U);
    EXPECT_EQ(parse_size("16KiB"), 16384U);
    EXPECT_EQ(parse_size("10MB"), 10'000'000U);
    EXPECT_EQ(parse_size("1GiB"), 1U << 30);
}

TEST(Values, RefusesWhatIsNoSize) {
    for (const char* text : {"", "KiB", "1 KiB", "-1", "1.5MB", "1kb", "64KiB1"})
        EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Values, ReadsEndpoints) {
    const auto four = parse_endpoint("127.0.0.1:7001");
    ASSERT_TRUE(four);
    EXPECT_EQ(net::to_string(*four), "127.0.0.1:7001");
    const auto six = parse_endpoint("[::1]:7001");
    ASSERT_TRUE(six);
    EXPECT_EQ(net::to_string(*six), "[::1]:7001");
}

TEST(Values, RefusesWhatIsNoEndpoint) {
    for (const char* text : {"", "7001", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1:7001",
                             "[127.0.0.1]:7001", "localhost:7001", "127.0.0.1:70x"})
        EXPECT_FALSE(parse_endpoint(text)) << text;
}

}  // namespace
}  // namespace portier::guests
