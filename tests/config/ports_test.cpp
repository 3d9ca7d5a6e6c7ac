#include <gtest/gtest.h>

#include "config/drafts.hpp"
#include "config/scratch.hpp"

namespace portier::config {
namespace {

const std::string kHead =
    "version: 1\nhandlers:\n  veg: {command: [sleep]}\n  inn: {delivery: inherit, command: [sleep]}\n";

TEST(ports, a_default_that_does_not_apply_is_left_out) {
    const ScratchFolder folder;
    const Loaded loaded =
        load(folder.write("houses.yaml", kHead + "defaults: {port: {max_connections: 5, backlog: 7, "
                                                 "tcp: {fast_open: 3}, handler: inn}}\n"
                                                 "ports: {7001/tcp: veg, 7001/udp: inn, 7002/tcp: {}}\n"),
             test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    const auto& ports = loaded.config->ports;
    EXPECT_EQ(ports[0].max_connections, 5U);
    EXPECT_EQ(ports[0].tcp.fast_open, 3U);
    EXPECT_EQ(ports[1].max_connections, 0U);
    EXPECT_EQ(ports[1].tcp.fast_open, 0U);
    EXPECT_EQ(ports[1].backlog, Port{}.backlog);
    EXPECT_EQ(ports[2].handler, "inn");
    EXPECT_EQ(ports[2].max_connections, 0U);
    EXPECT_EQ(ports[2].backlog, 7U);
}

TEST(ports, an_option_that_cannot_be_enforced_is_refused_with_who_can) {
    EXPECT_EQ(headlines(kHead + "ports:\n  7001/tcp: {handler: inn, accept_rate: 5/s}\n  7002/tcp: veg\n"),
              "houses.yaml:6:28: error: ports.7001/tcp.accept_rate: delivery inherit cannot enforce \"accept_rate\": "
              "the processes of \"inn\" accept by themselves; delivery handoff, relay or spawn can\n");
}

TEST(ports, nothing_is_said_about_options_when_the_delivery_is_unknown) {
    EXPECT_EQ(headlines("version: 1\nhandlers:\n  veg: {command: [sleep], delivery: relai}\n"
                        "ports: {7001/udp: {handler: veg, backlog: 5}}\n"),
              "houses.yaml:3:37: error: handlers.veg.delivery: \"relai\" is not known here; did you mean \"relay\"?\n");
}

}  // namespace
}  // namespace portier::config
