#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

// The refusals themselves: tests/data/config/bad/proxy_from.
TEST(check_proxy, a_default_may_leave_the_networks_to_the_ports) {
    const std::string defaults = "defaults: {port: {proxy_protocol: {timeout: 1s}}}\n";
    EXPECT_EQ(headlines(good_file("", defaults)), "");
    const ScratchFolder folder;
    const std::string text =
        "version: 1\nhandlers: {veg: {command: [sleep]}}\n"
        "ports: {7001/tcp: {handler: veg, proxy_protocol: {from: [10.0.0.0/8]}}}\n" +
        defaults;
    const Loaded loaded = load(folder.write("houses.yaml", text), test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    EXPECT_EQ(loaded.config->ports[0].proxy_protocol.timeout, Milliseconds(1000));
    EXPECT_EQ(loaded.config->ports[0].proxy_protocol.from.size(), 1U);
}

}  // namespace
}  // namespace portier::config
