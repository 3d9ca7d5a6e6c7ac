#include "keeper/changes.hpp"

#include <gtest/gtest.h>

namespace portier::keeper {

namespace {

config::Config street() {
    config::Config config;
    for (const char* name : {"veg", "bread"}) {
        config::Handler handler;
        handler.name = name;
        config.handlers.push_back(handler);
    }
    config::Port port;
    port.key = "7001/tcp";
    port.handler = "veg";
    config.ports.push_back(port);
    return config;
}

}  // namespace

// Nothing differs: no line.
TEST(Changes, OfTheSameStreet) {
    EXPECT_EQ(describe_changes(street(), street(), {}), "");
}

// Whoever comes, goes or changes has a line, and nobody else.
TEST(Changes, NameWhatComesGoesAndChanges) {
    config::Config next = street();
    next.handlers[0].processes = 3;
    next.handlers[1].name = "soup";
    next.ports[0].backlog = 5;
    next.ports.push_back({.key = "7002/udp", .handler = "soup"});
    EXPECT_EQ(describe_changes(street(), next, {}),
              "handler bread: removed\n"
              "handler veg: changed, its processes stay\n"
              "handler soup: added\n"
              "port 7001/tcp: changed, handler veg\n"
              "port 7002/udp: added, handler soup\n");
    EXPECT_EQ(describe_changes(next, street(), {}),
              "handler soup: removed\n"
              "handler veg: changed, its processes stay\n"
              "handler bread: added\n"
              "port 7002/udp: removed\n"
              "port 7001/tcp: changed, handler veg\n");
}

// Processes that would be replaced are named, also where only a port of theirs is new.
TEST(Changes, NameWhoseProcessesAreReplaced) {
    config::Config next = street();
    next.handlers[0].env["MENU"] = "new";
    EXPECT_EQ(describe_changes(street(), next, {"veg", "bread"}),
              "handler veg: changed, its processes are replaced\n"
              "handler bread: its processes are replaced\n");
}

// The sections that are no lists have a line each.
TEST(Changes, NameTheSections) {
    config::Config next = street();
    next.admin.expose = true;
    next.router.log.connections = true;
    EXPECT_EQ(describe_changes(street(), next, {}), "admin: changed\nrouter: changed\n");
}

}  // namespace portier::keeper
