#include "delivery/networks.hpp"

#include <gtest/gtest.h>

#include "delivery/plan.hpp"

namespace portier::delivery {

namespace {

bool contains(const Networks& networks, const char* address) {
    return networks.contains(*net::parse_address(address));
}

TEST(Networks, ContainTheirAddresses) {
    const Networks networks({{"10.0.0.0", 8}, {"192.0.2.128", 25}, {"2001:db8::", 33}, {"203.0.113.7", 32}});
    for (const char* inside : {"10.255.0.1", "192.0.2.128", "192.0.2.255", "2001:db8:7fff::1", "203.0.113.7"})
        EXPECT_TRUE(contains(networks, inside)) << inside;
    for (const char* outside : {"11.0.0.1", "192.0.2.127", "2001:db8:8000::1", "203.0.113.6", "::a00:1"})
        EXPECT_FALSE(contains(networks, outside)) << outside;
}

TEST(Networks, OfLengthZeroHoldEverybodyOfTheirFamily) {
    const Networks networks({{"0.0.0.0", 0}});
    EXPECT_TRUE(contains(networks, "255.255.255.255"));
    EXPECT_FALSE(contains(networks, "::1"));
    EXPECT_FALSE(networks.empty());
    EXPECT_TRUE(Networks().empty());
}

}  // namespace

}  // namespace portier::delivery
