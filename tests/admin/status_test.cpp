#include "admin/status.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "admin/scene.hpp"
#include "base/version.hpp"

namespace portier::admin {

namespace {

namespace json = boost::json;

class StatusTest : public testing::Test {
protected:
    json::object status() const { return json::parse(status_json(*scene_.board, scene_.series)).as_object(); }

    Scene scene_;
};

}  // namespace

// What is true of the whole.
TEST_F(StatusTest, TellsTheWhole) {
    const json::object all = status();
    EXPECT_EQ(all.at("version"), kVersion);
    EXPECT_EQ(all.at("generation"), 4);
    EXPECT_NEAR(all.at("uptime_seconds").to_number<double>(), 90'061, 30);
    EXPECT_EQ(all.at("last_reload_successful"), true);
    EXPECT_EQ(all.at("keeper_pid"), 100);
    EXPECT_EQ(all.at("router_pid"), 101);
    EXPECT_EQ(all.at("router_restarts"), 2);
}

// Who knows the processes is believed, and not the board.
TEST_F(StatusTest, TellsWhoIsKnown) {
    const KnownProcesses known{.keeper = 7, .router = -1, .of_handlers = {{1, 8}}};
    const json::object all = json::parse(status_json(*scene_.board, scene_.series, &known)).as_object();
    EXPECT_EQ(all.at("keeper_pid"), 7);
    EXPECT_EQ(all.at("router_pid"), 0);
    const json::array& processes = all.at("handlers").at(0).at("processes").as_array();
    ASSERT_EQ(processes.size(), 2u);
    EXPECT_EQ(processes[0].at("pid"), 8);
    EXPECT_EQ(processes[1].at("pid"), 0);
}

// A TCP port with its counters; a UDP port says nothing of connections, because it has none.
TEST_F(StatusTest, TellsPorts) {
    const json::array ports = status().at("ports").as_array();
    ASSERT_EQ(ports.size(), 2u);
    EXPECT_EQ(ports[0], (json::object{{"port", "7001/tcp"},
                                      {"protocol", "tcp"},
                                      {"handler", "veg"},
                                      {"delivery", "handoff"},
                                      {"active", 6},
                                      {"limit", 100},
                                      {"accepted", 10},
                                      {"rejected", 8},
                                      {"closed", 4},
                                      {"received_bytes", 2048},
                                      {"sent_bytes", 3 << 20},
                                      {"accept_queue", 9}}));
    EXPECT_EQ(ports[1].at("port"), "7001/udp");
    EXPECT_FALSE(ports[1].as_object().contains("active"));
}

// A handler with its processes, those that wait for their start too; a row that is free is nobody.
TEST_F(StatusTest, TellsHandlers) {
    scene_.board->globals.process_rows.set(4);
    const json::array handlers = status().at("handlers").as_array();
    ASSERT_EQ(handlers.size(), 3u);
    const json::value& veg = handlers[0];
    EXPECT_EQ(veg.at("handler"), "veg");
    EXPECT_EQ(veg.at("ready"), 1);
    EXPECT_EQ(veg.at("restarts"), 3);
    ASSERT_EQ(veg.at("processes").as_array().size(), 2u);
    const json::value& process = veg.at("processes").at(0);
    EXPECT_EQ(process.at("process"), 0);
    EXPECT_EQ(process.at("pid"), 1234);
    EXPECT_EQ(process.at("state"), "ready");
    EXPECT_EQ(process.at("connections"), 2);
    EXPECT_EQ(process.at("resident_bytes"), 1536);
    EXPECT_EQ(process.at("open_fds"), 12);
    EXPECT_GT(process.at("started").to_number<double>(), 1.6e9);
    EXPECT_EQ(veg.at("processes").at(1).at("state"), "waiting");
    EXPECT_EQ(handlers[1].at("processes"), json::array());
    EXPECT_EQ(handlers[2].at("on_demand"), true);
}

// Processes come by their slot, whatever rows they have.
TEST_F(StatusTest, SortsProcessesBySlot) {
    scene_.put_process(1, 5, 1234, metrics::ProcessState::ready);
    const json::value processes = status().at("handlers").at(0).at("processes");
    EXPECT_EQ(processes.at(0).at("process"), 1);
    EXPECT_EQ(processes.at(1).at("process"), 5);
}

// Which handlers keep portier from being ready, in words.
TEST_F(StatusTest, NamesUnreadyHandlers) {
    EXPECT_EQ(unready_handlers(*scene_.board, scene_.series), "handler bread has no ready process\n");
    scene_.put_process(1, 0, 1234, metrics::ProcessState::draining);
    EXPECT_EQ(unready_handlers(*scene_.board, scene_.series),
              "handler veg has no ready process\nhandler bread has no ready process\n");
    scene_.series.handlers.clear();
    EXPECT_EQ(unready_handlers(*scene_.board, scene_.series), "");
}

// What a relay connects to, and how it stands; without one that is up nobody serves its ports.
TEST_F(StatusTest, TellsBackends) {
    scene_.series.handlers = {{.name = "store",
                               .row = 3,
                               .delivery = "relay",
                               .backends = {{"127.0.0.1:6379", 1}, {"127.0.0.1:6380", 2, 1}}}};
    EXPECT_EQ(unready_handlers(*scene_.board, scene_.series), "handler store has no backend that is up\n");
    scene_.board->backends[2].up.set(1);
    scene_.board->backends[2].opened.add(5);
    scene_.board->backends[2].ended.add(2);
    scene_.board->backends[2].failures[0].add(7);
    EXPECT_EQ(unready_handlers(*scene_.board, scene_.series), "");
    const json::array backends = status().at("handlers").at(0).at("backends").as_array();
    ASSERT_EQ(backends.size(), 2u);
    EXPECT_EQ(backends[0].at("up"), false);
    EXPECT_EQ(backends[1],
              (json::object{
                  {"backend", 1}, {"address", "127.0.0.1:6380"}, {"up", true}, {"connections", 3}, {"failures", 7}}));
}

// Flows are told where the router reads the port itself.
TEST_F(StatusTest, TellsFlows) {
    scene_.series.ports[1].router_reads = true;
    scene_.series.ports[1].limit = 4096;
    scene_.board->ports[6].flows.created.add(9);
    scene_.board->ports[6].flows.closed[0].add(4);
    scene_.board->ports[6].flows.datagrams_dropped[1].add(2);
    const json::value port = status().at("ports").at(1);
    EXPECT_EQ(port.at("flows"), 5);
    EXPECT_EQ(port.at("limit"), 4096);
    EXPECT_EQ(port.at("dropped"), 2);
}

}  // namespace portier::admin
