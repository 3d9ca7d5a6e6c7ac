#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

std::string file(const std::string& address, const std::string& port) {
    return "version: 1\nhandlers:\n  a: {delivery: relay, connect: [\"" + address + "\"]}\nports: {\"" + port +
           "\": a}\n";
}

bool loops(const std::string& address, const std::string& port) {
    return headlines(file(address, port)).find("leads back to \"a\"") != std::string::npos;
}

// The text: tests/data/config/bad/relay_loop.
TEST(check_loops, a_relay_may_not_connect_to_itself) {
    EXPECT_TRUE(loops("127.0.0.1:7001", "7001/tcp"));
    EXPECT_TRUE(loops("127.5.5.5:7001", "0.0.0.0:7001/tcp"));
    EXPECT_TRUE(loops("[::1]:7001", "7000-7002/tcp"));
    EXPECT_TRUE(loops("10.0.0.1:7001", "10.0.0.1:7001/tcp"));
    EXPECT_TRUE(loops("localhost:7001", "7001/udp"));
}

TEST(check_loops, what_is_not_our_port_is_no_loop) {
    EXPECT_FALSE(loops("127.0.0.1:7002", "7001/tcp"));
    EXPECT_FALSE(loops("127.0.0.1:7001", "127.0.0.2:7001/tcp"));
    EXPECT_FALSE(loops("127.0.0.1:7001", "[::]:7001/tcp"));
    EXPECT_FALSE(loops("10.0.0.1:7001", "7001/tcp"));
    EXPECT_FALSE(loops("db:7001", "7001/tcp"));
}

}  // namespace
}  // namespace portier::config
