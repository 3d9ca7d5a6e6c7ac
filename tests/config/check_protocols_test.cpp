#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

std::string relay(const std::string& keys, const std::string& ports) {
    return "version: 1\nhandlers:\n  a: {delivery: relay, connect: [\"127.0.0.1:80\"]" + keys + "}\nports: {" + ports +
           "}\n";
}

// The refusals themselves: tests/data/config/bad/udp_deliveries.
TEST(check_protocols, a_key_needs_one_port_that_can_use_it) {
    EXPECT_NE(headlines(relay(", attempts: 2", "7001/udp: a")).find("the handler has udp ports only"),
              std::string::npos);
    EXPECT_EQ(headlines(relay(", attempts: 2", "7001/udp: a, 7001/tcp: a")), "");
    EXPECT_NE(headlines(relay(", proxy_datagrams: first", "7001/tcp: a")).find("the handler has no udp port"),
              std::string::npos);
    EXPECT_EQ(headlines(relay(", proxy_datagrams: first", "7001/udp: a, 7001/tcp: a")), "");
}

TEST(check_protocols, datagrams_do_not_come_from_the_client) {
    EXPECT_NE(headlines(relay(", transparent: true", "7001/udp: a, 7001/tcp: a")).find("7001/udp is a port of this"),
              std::string::npos);
    EXPECT_EQ(headlines(relay(", transparent: true", "7001/tcp: a")), "");
}

TEST(check_protocols, a_default_that_no_port_needs_is_left_out) {
    const ScratchFolder folder;
    const std::string text = relay("", "7001/udp: a") + "defaults: {handler: {attempts: 2, health: {interval: 5s}}}\n";
    const Loaded loaded = load(folder.write("houses.yaml", text), test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    EXPECT_EQ(loaded.config->handlers[0].attempts, Handler{}.attempts);
    EXPECT_EQ(loaded.config->handlers[0].health, Health{});
}

}  // namespace
}  // namespace portier::config
