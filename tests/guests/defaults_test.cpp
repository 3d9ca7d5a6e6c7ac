#include "defaults.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "values.hpp"

namespace portier::guests {
namespace {

using namespace std::chrono_literals;

Options filled(Options options, const char* target = "127.0.0.1:7001") {
    options.target = *parse_endpoint(target);
    fill_in_defaults(options);
    return options;
}

TEST(Defaults, EveryRunIsBounded) {
    for (const ModeName mode : {ModeName::hold, ModeName::crr, ModeName::rr, ModeName::stream, ModeName::udp}) {
        const Options options = filled({.mode = mode});
        EXPECT_GT(options.limit, 0s) << to_string(mode);
        EXPECT_GT(options.timeout, 0s) << to_string(mode);
    }
}

TEST(Defaults, ATotalReplacesTheDuration) {
    EXPECT_EQ(filled({.mode = ModeName::crr}).duration, 10s);
    EXPECT_EQ(filled({.mode = ModeName::crr, .total = 5}).duration, 0s);
}

TEST(Defaults, TakesAsManyProcessesAsTheDescriptorLimitDemands) {
    const rlimit thousand{.rlim_cur = 500, .rlim_max = 1000};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &thousand), 0);
    EXPECT_EQ(filled({.mode = ModeName::hold, .slots = 10}).processes, 1U);
    EXPECT_EQ(filled({.mode = ModeName::hold, .slots = 900}).processes, 1U);
    EXPECT_EQ(filled({.mode = ModeName::hold, .slots = 1000}).processes, 2U);
    EXPECT_EQ(filled({.mode = ModeName::hold, .slots = 10, .processes = 4}).processes, 4U);
    EXPECT_EQ(filled({.mode = ModeName::hold, .slots = 3, .processes = 4}).processes, 3U);
}

TEST(Defaults, SpreadsOverSourceAddressesOnlyWhereItCan) {
    EXPECT_EQ(filled({.mode = ModeName::hold, .slots = 100'000}).sources, 10U);
    EXPECT_GT(filled({.mode = ModeName::crr}).sources, 1U);
    EXPECT_EQ(filled({.mode = ModeName::crr}, "[::1]:7001").sources, 1U);
    EXPECT_TRUE(complaint_about(filled({.sources = 2}, "[::1]:7001")));
    EXPECT_FALSE(complaint_about(filled({.sources = 2})));
}

TEST(Defaults, ComplainsAboutSizesThatCannotBe) {
    EXPECT_TRUE(complaint_about(filled({.mode = ModeName::udp, .size = 15})));
    EXPECT_TRUE(complaint_about(filled({.mode = ModeName::udp, .size = 65'508})));
    EXPECT_TRUE(complaint_about(filled({.mode = ModeName::rr, .size = 0})));
    EXPECT_TRUE(complaint_about(filled({.mode = ModeName::stream, .size = 1U << 20})));
    EXPECT_FALSE(complaint_about(filled({.mode = ModeName::rr, .size = 1U << 20})));
}

}  // namespace
}  // namespace portier::guests
