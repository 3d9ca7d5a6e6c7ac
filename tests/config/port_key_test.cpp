#include "config/port_key.hpp"

#include <gtest/gtest.h>

namespace portier::config {
namespace {

TEST(port_key, reads_every_form) {
    const auto plain = parse_port_key("7001/tcp").value;
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->protocol, Protocol::tcp);
    EXPECT_FALSE(plain->address);
    EXPECT_EQ(plain->first, 7001);
    EXPECT_EQ(plain->last, 7001);
    const auto range = parse_port_key("20000-29999/udp").value;
    ASSERT_TRUE(range);
    EXPECT_EQ(range->protocol, Protocol::udp);
    EXPECT_EQ(range->first, 20000);
    EXPECT_EQ(range->last, 29999);
    EXPECT_EQ(parse_port_key("127.0.0.1:6379/tcp").value->address, net::parse_address("127.0.0.1"));
    EXPECT_EQ(parse_port_key("[::1]:9418-9420/tcp").value->address, net::parse_address("::1"));
    EXPECT_EQ(parse_port_key("1-65535/tcp").value->last, 65535);
}

TEST(port_key, refuses_what_is_not_a_port) {
    for (const char* text : {"",
                             "7001",
                             "/tcp",
                             "0/tcp",
                             "65536/tcp",
                             "-1/tcp",
                             "8o80/tcp",
                             "9-8/tcp",
                             "1-/tcp",
                             "1-2-3/tcp",
                             " 1/tcp",
                             "::1:80/tcp",
                             "[::1]80/tcp",
                             "[::1]/tcp",
                             "[]:80/tcp",
                             "host:80/tcp",
                             "*:80/tcp",
                             ":80/tcp",
                             "80/TCP",
                             "80/sctp",
                             "[127.0.0.1]:80/tcp",
                             "[fe80::1%lo]:80/tcp",
                             "1.2.3:80/tcp",
                             "99999999999999999999/tcp"})
        EXPECT_FALSE(parse_port_key(text).value) << text;
}

TEST(port_key, reads_an_address_to_listen_on) {
    EXPECT_EQ(net::to_string(*parse_listen("127.0.0.1:7000").value), "127.0.0.1:7000");
    EXPECT_EQ(net::to_string(*parse_listen("[::1]:7000").value), "[::1]:7000");
    for (const char* text : {"", "7000", "127.0.0.1", "::1:7000", "localhost:7000", "127.0.0.1:0", "127.0.0.1:1-2"})
        EXPECT_FALSE(parse_listen(text).value) << text;
}

TEST(port_key, reads_networks) {
    EXPECT_EQ(to_string(*parse_network("10.0.0.0/8").value), "10.0.0.0/8");
    EXPECT_EQ(to_string(*parse_network("10.1.2.3").value), "10.1.2.3/32");
    EXPECT_EQ(to_string(*parse_network("fd00::/8").value), "fd00::/8");
    EXPECT_EQ(to_string(*parse_network("::/0").value), "::/0");
    EXPECT_EQ(to_string(*parse_network("::1").value), "::1/128");
    for (const char* text :
         {"", "10.0.0.0/33", "fd00::/129", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/-1", "localhost", "/8"})
        EXPECT_FALSE(parse_network(text).value) << text;
}

TEST(port_key, a_network_with_bits_beyond_its_prefix_is_answered_with_the_right_one) {
    EXPECT_EQ(parse_network("10.1.2.3/12").hint, "expected 10.0.0.0/12");
    EXPECT_EQ(parse_network("fd00::1/9").hint, "expected fd00::/9");
}

}  // namespace
}  // namespace portier::config
