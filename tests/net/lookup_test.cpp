#include "net/lookup.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace portier::net {
namespace {

TEST(Lookup, KnowsThisMachineEachAddressOnce) {
    const Lookup found = look_up("localhost");
    ASSERT_FALSE(found.addresses.empty()) << found.problem;
    EXPECT_TRUE(found.problem.empty());
    EXPECT_TRUE(std::is_sorted(found.addresses.begin(), found.addresses.end()));
    EXPECT_EQ(std::adjacent_find(found.addresses.begin(), found.addresses.end()), found.addresses.end());
    for (const Address& address : found.addresses)
        EXPECT_TRUE(address == parse_address("127.0.0.1") || address == parse_address("::1")) << to_string(address);
}

TEST(Lookup, SaysWhyThereIsNone) {
    const Lookup found = look_up("no..name");
    EXPECT_TRUE(found.addresses.empty());
    EXPECT_FALSE(found.problem.empty());
}

}  // namespace
}  // namespace portier::net
