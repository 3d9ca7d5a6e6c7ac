#include "desk/series.hpp"

#include <gtest/gtest.h>

namespace portier::desk {

// Every port and handler of the plan is named with its row, whatever its protocol, with what its labels say.
TEST(SeriesOf, NamesPortsAndHandlers) {
    delivery::Plan plan;
    plan.handlers = {{.name = "veg", .row = 7, .delivery = "handoff", .on_demand = true},
                     {.name = "nonveg", .row = 8, .delivery = "inherit"}};
    plan.ports = {{.key = "7001/tcp", .row = 1, .protocol = "tcp", .handler = 1},
                  {.key = "7001/udp", .row = 2, .protocol = "udp", .handler = 0, .admission = {.max_connections = 99}}};
    const metrics::Series series = series_of(plan);

    ASSERT_EQ(series.handlers.size(), 2u);
    EXPECT_EQ(series.handlers[0].name, "veg");
    EXPECT_EQ(series.handlers[0].row, 7u);
    EXPECT_TRUE(series.handlers[0].on_demand);
    EXPECT_EQ(series.handlers[1].name, "nonveg");
    EXPECT_EQ(series.handlers[1].row, 8u);
    EXPECT_FALSE(series.handlers[1].on_demand);

    ASSERT_EQ(series.ports.size(), 2u);
    EXPECT_EQ(series.ports[0].port, "7001/tcp");
    EXPECT_EQ(series.ports[0].protocol, "tcp");
    EXPECT_EQ(series.ports[0].handler, "nonveg");
    EXPECT_EQ(series.ports[0].delivery, "inherit");
    EXPECT_EQ(series.ports[0].row, 1u);
    EXPECT_EQ(series.ports[0].limit, 0u);
    EXPECT_EQ(series.ports[1].protocol, "udp");
    EXPECT_EQ(series.ports[1].handler, "veg");
    EXPECT_EQ(series.ports[1].delivery, "handoff");
    EXPECT_EQ(series.ports[1].row, 2u);
    EXPECT_EQ(series.ports[1].limit, 0u) << "it has flows, not connections";
}

// What only some deliveries have: backends with their rows; a process for each connection, or none; flows.
TEST(SeriesOf, TellsDeliveriesApart) {
    delivery::Plan plan;
    plan.handlers = {{.name = "store", .delivery = "relay"}, {.name = "git", .delivery = "spawn"}};
    plan.handlers[0].relay.backends = {{.row = 4, .name = "a:1"}, {.row = 2, .number = 3, .name = "b:1"}};
    plan.ports = {{.key = "53/udp", .protocol = "udp", .handler = 0, .listeners = {9}, .flows = {.max = 77}}};
    const metrics::Series series = series_of(plan);
    ASSERT_EQ(series.handlers[0].backends.size(), 2u);
    EXPECT_EQ(series.handlers[0].backends[0].name, "a:1");
    EXPECT_EQ(series.handlers[0].backends[0].row, 4u);
    EXPECT_EQ(series.handlers[0].backends[1].row, 2u);
    EXPECT_EQ(series.handlers[0].backends[1].number, 3u);
    EXPECT_TRUE(series.handlers[1].on_demand);
    EXPECT_TRUE(series.ports[0].router_reads);
    EXPECT_EQ(series.ports[0].limit, 77u);
}

// An empty plan has no series.
TEST(SeriesOf, NothingForNothing) {
    EXPECT_TRUE(series_of({}).ports.empty());
    EXPECT_TRUE(series_of({}).handlers.empty());
}

}  // namespace portier::desk
