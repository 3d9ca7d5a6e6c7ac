#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

// How many overlaps the ports of a file have.
int overlaps(const std::vector<std::string>& keys, const std::string& rest = "") {
    std::string text = "version: 1\nhandlers: {inn: {delivery: inherit, command: [sleep]}}\nports:\n";
    for (const std::string& key : keys) text += "  \"" + key + "\": inn\n";
    const std::string lines = headlines(text + rest);
    return static_cast<int>(std::count(lines.begin(), lines.end(), '\n'));
}

TEST(check_overlaps, different_ports_protocols_and_addresses_live_together) {
    EXPECT_EQ(overlaps({"7001/tcp", "7001/udp", "7002/tcp", "8000-8009/tcp", "8010/tcp", "7999/tcp"}), 0);
    EXPECT_EQ(overlaps({"127.0.0.1:7001/tcp", "127.0.0.2:7001/tcp", "[::1]:7001/tcp"}), 0);
    EXPECT_EQ(overlaps({"0.0.0.0:7001/tcp", "[::]:7001/tcp"}), 0);
    EXPECT_EQ(overlaps({"0.0.0.0:7001/tcp", "[::1]:7001/tcp"}), 0);
}

TEST(check_overlaps, one_port_is_given_once) {
    EXPECT_EQ(overlaps({"7001/tcp", "7001-7001/tcp"}), 1);
    EXPECT_EQ(overlaps({"7000-7010/tcp", "7010-7020/tcp"}), 1);
    EXPECT_EQ(overlaps({"7000-7100/tcp", "7050/tcp"}), 1);
    EXPECT_EQ(overlaps({"7050/tcp", "7000-7100/tcp"}), 1);
    EXPECT_EQ(overlaps({"127.0.0.1:7001/tcp", "[::ffff:127.0.0.1]:7001/tcp"}), 1);
}

TEST(check_overlaps, a_wildcard_covers_every_address) {
    EXPECT_EQ(overlaps({"7001/tcp", "127.0.0.1:7001/tcp"}), 1);
    EXPECT_EQ(overlaps({"[::1]:7001/tcp", "7001/tcp"}), 1);
    EXPECT_EQ(overlaps({"7001/tcp", "0.0.0.0:7001/tcp"}), 1);
    EXPECT_EQ(overlaps({"0.0.0.0:7001/tcp", "10.0.0.1:7001/tcp"}), 1);
    EXPECT_EQ(overlaps({"[::]:7001/tcp", "[::1]:7000-7002/tcp"}), 1);
}

TEST(check_overlaps, the_admin_address_is_taken_too) {
    EXPECT_EQ(overlaps({"7001/tcp"}, "admin: {listen: 127.0.0.1:7001}\n"), 1);
    EXPECT_EQ(overlaps({"7001/udp"}, "admin: {listen: 127.0.0.1:7001}\n"), 0);
}

}  // namespace
}  // namespace portier::config
