#include "net/endpoint.hpp"

#include <gtest/gtest.h>

#include "support/random.hpp"

namespace portier::net {

// Numeric addresses are read and written in one spelling; anything else is refused, names are never looked up.
TEST(Address, ParsesAndPrints) {
    const struct {
        const char* text;
        const char* wanted;  // nullptr: refused
    } cases[]{
        {"127.0.0.1", "127.0.0.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"::ffff:10.1.2.3", "10.1.2.3"},  // mapped: one spelling for one client
        {"", nullptr},
        {"127.1", nullptr},
        {"1.2.3.256", nullptr},
        {"01.2.3.4", nullptr},
        {"[::1]", nullptr},
        {"::1%lo", nullptr},
        {"localhost", nullptr},
        {"10.0.0.1/8", nullptr},
        {" 10.0.0.1", nullptr},
    };
    for (const auto& c : cases) {
        const auto address = parse_address(c.text);
        ASSERT_EQ(address.has_value(), c.wanted != nullptr) << c.text;
        EXPECT_EQ(address ? to_string(*address) : "", c.wanted ? c.wanted : "");
    }
    EXPECT_FALSE(parse_address(std::string_view("10.0.0.1\0x", 10)));  // the text does not end at a NUL
}

// Endpoints are written as people type them.
TEST(Endpoint, Prints) {
    EXPECT_EQ(to_string(Endpoint{*parse_address("10.0.0.1"), 80}), "10.0.0.1:80");
    EXPECT_EQ(to_string(Endpoint{*parse_address("::1"), 65535}), "[::1]:65535");
}

// A sockaddr and back gives the same endpoint, in both families.
TEST(Endpoint, SurvivesSockaddr) {
    test::Random random;
    for (int round = 0; round < 1000; ++round) {
        Endpoint endpoint{{random.between(0, 1) ? std::uint8_t{4} : std::uint8_t{6}, {}},
                          static_cast<std::uint16_t>(random.between(0, 65535))};
        const std::size_t length = endpoint.address.family == 4 ? 4 : 16;
        for (std::size_t i = 0; i < length; ++i)
            endpoint.address.bytes[i] = static_cast<std::uint8_t>(random.between(i == 0 ? 1 : 0, 255));
        sockaddr_storage storage;
        const socklen_t size = to_sockaddr(endpoint, storage);
        EXPECT_EQ(size, length == 4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        ASSERT_EQ(from_sockaddr(storage), endpoint) << to_string(endpoint);
    }
}

// A client that came through a dual-stack socket is the same endpoint as through an IPv4 one.
TEST(Endpoint, MappedAddressIsIpv4) {
    sockaddr_storage storage{};
    auto& six = reinterpret_cast<sockaddr_in6&>(storage);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(7001);
    six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
    six.sin6_addr.s6_addr[12] = 10;
    six.sin6_addr.s6_addr[15] = 9;
    EXPECT_EQ(from_sockaddr(storage), (Endpoint{*parse_address("10.0.0.9"), 7001}));
}

}  // namespace portier::net
