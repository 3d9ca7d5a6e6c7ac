#include "net/network.hpp"

#include <gtest/gtest.h>

namespace portier::net {

// The first bits count, of one family.
TEST(Network, Contains) {
    const struct {
        const char* network;
        unsigned prefix;
        const char* address;
        bool wanted;
    } cases[]{
        {"10.0.0.0", 8, "10.255.255.255", true},
        {"10.0.0.0", 8, "11.0.0.0", false},
        {"10.1.2.3", 32, "10.1.2.3", true},
        {"10.1.2.3", 32, "10.1.2.2", false},
        {"10.1.2.0", 23, "10.1.3.9", true},
        {"10.1.2.0", 23, "10.1.4.0", false},
        {"0.0.0.0", 0, "255.1.2.3", true},
        {"0.0.0.0", 0, "::1", false},
        {"::", 0, "10.0.0.1", false},
        {"2001:db8::", 33, "2001:db8:7fff::1", true},
        {"2001:db8::", 33, "2001:db8:8000::1", false},
    };
    for (const auto& c : cases)
        EXPECT_EQ(contains({*parse_address(c.network), c.prefix}, *parse_address(c.address)), c.wanted)
            << c.network << "/" << c.prefix << " " << c.address;
}

// One of several is enough, none is not.
TEST(Network, OneOfSeveral) {
    const Network networks[]{{*parse_address("10.0.0.0"), 8}, {*parse_address("::1"), 128}};
    EXPECT_TRUE(contains(networks, *parse_address("10.1.1.1")));
    EXPECT_TRUE(contains(networks, *parse_address("::1")));
    EXPECT_FALSE(contains(networks, *parse_address("127.0.0.1")));
    EXPECT_FALSE(contains(std::span<const Network>(), *parse_address("127.0.0.1")));
}

}  // namespace portier::net
