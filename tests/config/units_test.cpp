#include "config/units.hpp"

#include <gtest/gtest.h>

namespace portier::config {
namespace {

TEST(units, reads_whole_decimal_numbers_only) {
    EXPECT_EQ(parse_integer("0").value, 0U);
    EXPECT_EQ(parse_integer("999999999999999999").value, 999999999999999999U);
    for (const char* text : {"", "-1", "+1", "01", "1e3", "0x1F", "1 ", "1.0", "9999999999999999999"})
        EXPECT_FALSE(parse_integer(text).value) << text;
}

TEST(units, reads_durations) {
    EXPECT_EQ(parse_duration("250ms").value, 250U);
    EXPECT_EQ(parse_duration("30s").value, 30000U);
    EXPECT_EQ(parse_duration("1h30m").value, 5400000U);
    EXPECT_EQ(parse_duration("1h1m1s1ms").value, 3661001U);
    for (const char* text : {"", "30", "s", "1s1h", "1s1s", "-5s", "1.5s", "5 s", "5S", "9999999999999h"})
        EXPECT_FALSE(parse_duration(text).value) << text;
}

TEST(units, reads_sizes) {
    EXPECT_EQ(parse_size("0B").value, 0U);
    EXPECT_EQ(parse_size("64KiB").value, 65536U);
    EXPECT_EQ(parse_size("10MB").value, 10000000U);
    EXPECT_EQ(parse_size("2TiB").value, std::uint64_t{2} << 40);
    for (const char* text : {"", "64", "KiB", "64k", "64kib", "1.5GiB", "-1B", "99999999TiB"})
        EXPECT_FALSE(parse_size(text).value) << text;
}

TEST(units, suggests_the_unit_of_a_size) {
    EXPECT_EQ(parse_size("512M").hint, "did you mean 512MiB?");
    EXPECT_EQ(parse_size("64k").hint, "did you mean 64KiB?");
    EXPECT_EQ(parse_size("5mb").hint, "did you mean 5MB?");
    EXPECT_EQ(parse_size("2gib").hint, "did you mean 2GiB?");
    EXPECT_EQ(parse_size("10b").hint, "did you mean 10B?");
    EXPECT_EQ(parse_size("10 apples").hint, parse_size("10").hint);
}

TEST(units, reads_rates) {
    EXPECT_EQ(parse_rate("500/s").value, (Rate{500, Milliseconds(1000)}));
    EXPECT_EQ(parse_rate("100/m").value, (Rate{100, Milliseconds(60000)}));
    EXPECT_EQ(parse_rate("3/h").value, (Rate{3, Milliseconds(3600000)}));
    for (const char* text : {"", "500", "0/s", "/s", "500/", "500/ms", "-5/s"})
        EXPECT_FALSE(parse_rate(text).value) << text;
}

TEST(units, a_number_without_unit_is_answered_with_the_units) {
    EXPECT_EQ(parse_duration("30").problem, "has no unit");
    EXPECT_NE(parse_duration("30").hint.find("ms, s, m and h"), std::string::npos);
    EXPECT_NE(parse_size("30").hint.find("KiB, MiB"), std::string::npos);
    EXPECT_NE(parse_rate("30").hint.find("500/s"), std::string::npos);
}

TEST(units, prints_what_it_reads) {
    for (const std::uint64_t value : {0ULL, 1ULL, 999ULL, 1000ULL, 5400000ULL, 3661001ULL})
        EXPECT_EQ(parse_duration(format_duration(value)).value, value);
    for (const std::uint64_t value : {0ULL, 1ULL, 1000ULL, 1024ULL, 1536ULL, 10000000ULL, 1ULL << 40})
        EXPECT_EQ(parse_size(format_size(value)).value, value);
    EXPECT_EQ(format_duration(5400000), "1h30m");
    EXPECT_EQ(format_size(512 << 20), "512MiB");
    EXPECT_EQ(format_rate({100, Milliseconds(60000)}), "100/m");
}

}  // namespace
}  // namespace portier::config
