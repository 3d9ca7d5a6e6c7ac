// What only some deliveries have: flows, backends, processes of one connection each.
#include "metrics/exposition_case.hpp"

namespace portier::metrics {

// What the router reads itself has flows; the kernel's drops and its own are one series.
TEST_F(ExpositionTest, ShowsFlows) {
    PortRow& row = board_->ports[3];
    row.flows.created.add(9);
    row.flows.closed[static_cast<std::size_t>(FlowClosed::idle)].add(2);
    row.flows_ended[static_cast<std::size_t>(FlowClosed::idle)].add(1);
    row.flows.datagrams_received.add(20);
    row.flows.datagrams_sent.add(10);
    row.flows.datagrams_dropped[static_cast<std::size_t>(Dropped::queue_full)].add(1);
    row.flows.datagrams_dropped[static_cast<std::size_t>(Dropped::no_backend)].add(4);
    row.datagrams_dropped.add(5);
    const Exposition page = expose();
    const auto value = [&](const std::string& name, const std::string& more = "") {
        return page["portier_" + name + "{port=\"7003/udp\"" + more + "}"];
    };
    EXPECT_EQ(value("flows_active"), 6);
    EXPECT_EQ(value("flows_created_total"), 9);
    EXPECT_EQ(value("flows_closed_total", ",reason=\"idle\""), 3);
    EXPECT_EQ(value("flows_closed_total", ",reason=\"evicted\""), 0);
    EXPECT_EQ(value("datagrams_received_total"), 20);
    EXPECT_EQ(value("datagrams_sent_total"), 10);
    EXPECT_EQ(value("datagrams_dropped_total", ",reason=\"queue_full\""), 6);
    EXPECT_EQ(value("datagrams_dropped_total", ",reason=\"no_backend\""), 4);
    EXPECT_EQ(value("datagrams_dropped_total", ",reason=\"denied\""), 0);
    EXPECT_TRUE(std::isnan(page["portier_flows_active{port=\"7001/udp\"}"])) << "its processes read it themselves";
}

// A backend is called by its position, and keeps its row wherever that lies.
TEST_F(ExpositionTest, ShowsBackends) {
    BackendRow& second = board_->backends[3];
    second.up.set(1);
    second.opened.add(7);
    second.ended.add(3);
    second.failures[static_cast<std::size_t>(BackendFailed::timeout)].add(2);
    board_->handlers[2].queue_length.set(8);
    const Exposition page = expose();
    const auto value = [&](const std::string& name, const std::string& more = "") {
        return page["portier_backend_" + name + "{handler=\"store\",backend=\"1\"" + more + "}"];
    };
    EXPECT_EQ(value("up"), 1);
    EXPECT_EQ(value("connections_active"), 4);
    EXPECT_EQ(value("connections_total"), 7);
    EXPECT_EQ(value("failures_total", ",reason=\"timeout\""), 2);
    EXPECT_EQ(page["portier_backend_up{handler=\"store\",backend=\"0\"}"], 0);
    EXPECT_EQ(page["portier_handler_queue_length{handler=\"store\"}"], 8);
}

// Who has a process for each connection: how many run, and how the others ended.
TEST_F(ExpositionTest, ShowsProcessesOfConnections) {
    board_->handlers[3].spawned.add(10);
    board_->handlers[3].spawned_ended.add(8);
    board_->handlers[3].exits[static_cast<std::size_t>(Exited::signal)].add(1);
    const Exposition page = expose();
    EXPECT_EQ(page["portier_handler_processes{handler=\"git\",state=\"ready\"}"], 2);
    EXPECT_EQ(page["portier_handler_exits_total{handler=\"git\",code=\"signal\"}"], 1);
    EXPECT_EQ(page["portier_handler_exits_total{handler=\"git\",code=\"0\"}"], 0);
    EXPECT_TRUE(std::isnan(page["portier_handler_exits_total{handler=\"veg\",code=\"0\"}"]));
}

}  // namespace portier::metrics
