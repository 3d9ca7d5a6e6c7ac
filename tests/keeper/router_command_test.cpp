#include "keeper/router_command.hpp"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <signal.h>

#include <system_error>

namespace portier::keeper {

namespace {

RouterSetup setup() {
    return {.executable = 10, .link = 11, .board = 12, .user = "", .log_level = "debug"};
}

}  // namespace

// The open program with the log, the link and the board, and nothing else.
TEST(RouterCommand, IsThisProgramInAnotherRole) {
    const proc::Command command = router_command(setup());
    EXPECT_EQ(command.executable, 10);
    EXPECT_EQ(command.argv, (std::vector<std::string>{"portier", "router", "--log-level", "debug"}));
    EXPECT_EQ(command.descriptors, (std::vector<std::pair<int, int>>{{2, 2}, {3, 11}, {4, 12}}));
    EXPECT_EQ(command.parent_death_signal, SIGKILL);
    EXPECT_FALSE(command.identity);
    RouterSetup json = setup();
    json.json_log = true;
    EXPECT_EQ(router_command(json).argv.back(), "--log-json");
}

// No capability, or the one for its clients' addresses.
TEST(RouterCommand, HasNoPrivileges) {
    const proc::Command command = router_command(setup());
    EXPECT_TRUE(command.drop_capabilities);
    EXPECT_FALSE(command.kept_capability);
    RouterSetup transparent = setup();
    transparent.transparent = true;
    EXPECT_EQ(router_command(transparent).kept_capability, CAP_NET_ADMIN);
}

// Its user without the groups that the user is in; one that is gone is an error.
TEST(RouterCommand, IsSomebodyElse) {
    RouterSetup other = setup();
    other.user = "nobody";
    const proc::Command command = router_command(other);
    ASSERT_TRUE(command.identity);
    EXPECT_EQ(command.identity->user, "nobody");
    EXPECT_TRUE(command.identity->groups.empty());
    other.user = "no such user";
    EXPECT_THROW(router_command(other), std::system_error);
}

}  // namespace portier::keeper
