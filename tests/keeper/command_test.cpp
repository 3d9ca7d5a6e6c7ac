#include "keeper/command.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <system_error>

namespace portier::keeper {

// Everything that the configuration says of a program, and of our own surroundings only what programs need.
TEST(BaseCommand, IsWhatTheConfigurationSays) {
    ::setenv("LANG", "C.UTF-8", 1);
    ::setenv("PORTIER_TEST_SECRET", "ours", 1);
    const config::Handler handler{.name = "veg",
                                  .command = {"call-me-so", "--menu"},
                                  .program = "/bin/sh",
                                  .env = {{"LANG", "de"}},
                                  .working_directory = "/tmp",
                                  .limits = {.open_files = 77, .cpu = config::Milliseconds(1500)},
                                  .stop = {.signal = 10}};
    proc::Command command = base_command(handler);
    EXPECT_EQ(command.program, "/bin/sh");
    EXPECT_EQ(command.argv, handler.command);
    EXPECT_EQ(command.working_directory, "/tmp");
    EXPECT_EQ(command.parent_death_signal, 10);
    ASSERT_EQ(command.limits.size(), 2u);
    EXPECT_EQ(command.limits[0].value, 77u);
    EXPECT_EQ(command.limits[1].resource, RLIMIT_CPU);
    EXPECT_EQ(command.limits[1].value, 2u) << "whole seconds";
    EXPECT_FALSE(command.soft_descriptor_limit);
    EXPECT_FALSE(command.identity);
    EXPECT_EQ(command.environment.at("PORTIER_HANDLER"), "veg");
    EXPECT_EQ(command.environment.at("LANG"), "C.UTF-8");
    EXPECT_FALSE(command.environment.contains("PORTIER_TEST_SECRET"));
    add_configured_environment(command, handler);
    EXPECT_EQ(command.environment.at("LANG"), "de");
}

// A user brings a name and a home; one that is gone is an error that names the handler.
TEST(BaseCommand, BecomesTheUser) {
    const proc::Command command = base_command({.name = "veg", .user = "daemon", .group = "nogroup"});
    ASSERT_TRUE(command.identity);
    EXPECT_EQ(command.identity->uid, 1u);
    EXPECT_EQ(command.environment.at("USER"), "daemon");
    EXPECT_EQ(command.environment.at("LOGNAME"), "daemon");
    EXPECT_TRUE(command.environment.contains("HOME"));
    EXPECT_FALSE(base_command({.name = "veg", .group = "nogroup"}).environment.contains("USER"));
    try {
        base_command({.name = "veg", .user = "no-such-user"});
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_NE(std::string(error.what()).find("handler veg: user no-such-user is gone"), std::string::npos);
    }
}

}  // namespace portier::keeper
