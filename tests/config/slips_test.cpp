#include "config/slips.hpp"

#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

TEST(slips, a_missing_blank_is_found_where_a_key_would_end) {
    EXPECT_EQ(missing_blank("7001/tcp:veg"), "a blank is missing after the colon: 7001/tcp: veg");
    EXPECT_EQ(missing_blank("127.0.0.1:7001/udp:veg"), "a blank is missing after the colon: 127.0.0.1:7001/udp: veg");
    EXPECT_EQ(missing_blank("processes:2"), "a blank is missing after the colon: processes: 2");
    for (const char* text : {"", ":", "a:", ":a", "veg", "a: b", "two words:a", "http://localhost", "127.0.0.1:70"})
        EXPECT_EQ(missing_blank(text), "") << text;
}

TEST(slips, brackets_of_an_address_are_found_unless_they_are_quoted) {
    const auto found = bare_brackets("ports: {7001/tcp: veg, [::1]:7001/tcp: veg}");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->offset, 23U);
    EXPECT_EQ(found->quoted, "\"[::1]:7001/tcp\"");
    EXPECT_EQ(bare_brackets("  [fe80::1]:20-30/udp:veg")->quoted, "\"[fe80::1]:20-30/udp\"");
    for (const char* line : {"", "[", "[::1]", "[::1]:", "[a, b]", "  \"[::1]:7001/tcp\": veg", "command: [10]:1/tcp"})
        EXPECT_FALSE(bare_brackets(line)) << line;
}

const std::string kHandler = "version: 1\nhandlers:\n  veg: {command: [sleep]}\n";

TEST(slips, a_port_without_its_blank_is_told_so_wherever_it_stands) {
    const std::string message = "a blank is missing after the colon: 7001/tcp: veg\n";
    for (const char* ports : {"ports:\n  7001/tcp:veg\n", "ports:\n  7001/tcp:veg\n  7002/tcp: veg\n",
                              "ports:\n  7002/tcp: veg\n  7001/tcp:veg\n", "ports: {7001/tcp:veg}\n"}) {
        const std::string all = headlines(kHandler + ports);
        EXPECT_NE(all.find(message), std::string::npos) << ports << all;
        EXPECT_EQ(all.find('\n'), all.size() - 1) << all;
    }
    EXPECT_EQ(headlines("version:1\nhandlers: {}\n"),
              "houses.yaml:1:1: error: this is one text, not a key with its value; a blank is missing after the colon: "
              "version: 1\n");
}

TEST(slips, a_key_in_brackets_is_told_its_quotes) {
    const std::string message =
        "error: YAML takes this \"[\" for the beginning of a list; quote it: \"[::1]:70/tcp\"\n";
    EXPECT_EQ(headlines(kHandler + "ports:\n  [::1]:70/tcp: veg\n"), "houses.yaml:5:3: " + message);
    EXPECT_EQ(headlines(kHandler + "ports:\n  7001/tcp: veg\n  [::1]:70/tcp: veg\n"), "houses.yaml:6:3: " + message);
    EXPECT_EQ(headlines(kHandler + "ports: {[::1]:70/tcp: veg}\n"), "houses.yaml:4:9: " + message);
}

TEST(slips, lines_that_are_not_indented_are_told_so) {
    const std::string all =
        headlines("version: 1\nhandlers:\n  veg:\n  command: [sleep]\nports:\n  7001/tcp:\n  handler: veg\n");
    EXPECT_NE(all.find("3:3: error: handlers.veg: has no value; expected a map, as in {command: [./kitchen]}; indent"),
              std::string::npos)
        << all;
    EXPECT_NE(
        all.find("4:3: error: handlers.command: \"command\" is a key of a handler, but stands beside their names; "
                 "indent it further"),
        std::string::npos)
        << all;
    EXPECT_NE(all.find("it is a key of a port: indent it further than the port"), std::string::npos) << all;
}

}  // namespace
}  // namespace portier::config
