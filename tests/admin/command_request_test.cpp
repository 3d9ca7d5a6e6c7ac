#include "admin/command_request.hpp"

#include <gtest/gtest.h>

namespace portier::admin {

// What is no request, or of the wrong kind, asks for nothing.
TEST(CommandRequest, Table) {
    const struct {
        const char* line;
        const char* name;
        bool dry_run = false;
    } cases[]{
        {R"({"command": "status"})", "status"},
        {R"({"command": "reload", "dry_run": true})", "reload", true},
        {R"({"command": "reload", "dry_run": "yes"})", "reload"},
        {R"({"command": "reload", "other": [1, 2]})", "reload"},
        {R"({"command": 7})", ""},
        {R"({"dry_run": true})", "", true},
        {R"(["command"])", ""},
        {"status", ""},
        {"", ""},
        {R"({"command": "status")", ""},
    };
    for (const auto& c : cases) {
        const CommandRequest request = read_command_request(c.line);
        EXPECT_EQ(request.name, c.name) << c.line;
        EXPECT_EQ(request.dry_run, c.dry_run) << c.line;
    }
}

}  // namespace portier::admin
