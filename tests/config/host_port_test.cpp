#include "config/host_port.hpp"

#include <gtest/gtest.h>

namespace portier::config {
namespace {

TEST(host_port, divides_at_the_last_colon_or_the_bracket) {
    const auto both = split_host_port("1.2.3.4:80").value.value();
    EXPECT_EQ(both.host, "1.2.3.4");
    EXPECT_EQ(both.port, "80");
    const auto port = split_host_port("7001").value.value();
    EXPECT_EQ(port.host, "");
    EXPECT_EQ(port.port, "7001");
    const auto brackets = split_host_port("[::1]:80").value.value();
    EXPECT_EQ(brackets.host, "::1");
    EXPECT_TRUE(brackets.brackets);
    EXPECT_FALSE(split_host_port("::1:80").value);
    EXPECT_FALSE(split_host_port("[::1]").value);
}

TEST(host_port, a_host_is_an_address) {
    EXPECT_EQ(parse_host({"127.0.0.1", "80"}).value, net::parse_address("127.0.0.1"));
    EXPECT_EQ(parse_host({"::1", "80", true}).value, net::parse_address("::1"));
    for (const HostAndPort& bad : {HostAndPort{"localhost", "80"}, HostAndPort{"", "80"}, HostAndPort{"*", "80"},
                                   HostAndPort{"fe80::1%eth0", "80", true}, HostAndPort{"1.2.3.4", "80", true}})
        EXPECT_FALSE(parse_host(bad).value) << bad.host;
}

TEST(host_port, a_port_has_sixteen_bits_and_is_not_zero) {
    EXPECT_EQ(parse_port("1").value, 1);
    EXPECT_EQ(parse_port("65535").value, 65535);
    for (const char* bad : {"", "0", "65536", "-1", "+1", "8o80", "080", "99999999999999999999"})
        EXPECT_FALSE(parse_port(bad).value) << bad;
}

}  // namespace
}  // namespace portier::config
