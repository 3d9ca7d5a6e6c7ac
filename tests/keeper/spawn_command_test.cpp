#include "keeper/spawn_command.hpp"

#include <gtest/gtest.h>

namespace portier::keeper {

namespace {

using Descriptors = std::vector<std::pair<int, int>>;
using Environment = std::map<std::string, std::string>;

constexpr int kSocket = 20, kLog = 30;

proc::Command command_for(config::Style style, const std::string& remote = "192.0.2.7") {
    proc::Command command;
    add_connection(command, style,
                   {.socket = kSocket,
                    .log = kLog,
                    .local = {*net::parse_address("192.0.2.1"), 9418},
                    .remote = {*net::parse_address(remote), 4711},
                    .from_this_address = 3});
    return command;
}

}  // namespace

TEST(AddConnection, AsInetd) {
    const proc::Command command = command_for(config::Style::inetd);
    EXPECT_EQ(command.descriptors, (Descriptors{{0, kSocket}, {1, kSocket}, {2, kSocket}}));
    EXPECT_EQ(command.environment, (Environment{{"REMOTE_HOST", "192.0.2.7"}}));
}

TEST(AddConnection, AsUcspi) {
    const proc::Command command = command_for(config::Style::ucspi);
    EXPECT_EQ(command.descriptors, (Descriptors{{0, kSocket}, {1, kSocket}, {2, kLog}}));
    EXPECT_EQ(command.environment, (Environment{{"PROTO", "TCP"},
                                                {"TCPLOCALIP", "192.0.2.1"},
                                                {"TCPLOCALPORT", "9418"},
                                                {"TCPREMOTEIP", "192.0.2.7"},
                                                {"TCPREMOTEPORT", "4711"},
                                                {"TCPCONNNUM", "3"}}));
}

TEST(AddConnection, AsSystemd) {
    const proc::Command command = command_for(config::Style::systemd, "2001:db8::7");
    EXPECT_EQ(command.descriptors, (Descriptors{{1, kLog}, {2, kLog}, {3, kSocket}}));
    EXPECT_EQ(command.environment, (Environment{{"LISTEN_FDS", "1"},
                                                {"LISTEN_FDNAMES", "connection"},
                                                {"REMOTE_ADDR", "2001:db8::7"},
                                                {"REMOTE_PORT", "4711"}}));
    EXPECT_EQ(command.pid_variable, "LISTEN_PID");
}

}  // namespace portier::keeper
