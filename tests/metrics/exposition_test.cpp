#include "metrics/exposition.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "base/version.hpp"
#include "metrics/catalogue.hpp"

namespace portier::metrics {

namespace {

// Text format 0.0.4, taken apart line by line; every rule that is broken is a failure of the test.
struct Exposition {
    explicit Exposition(const std::string& text) {
        EXPECT_TRUE(text.ends_with("\n"));
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) read(line);
    }

    void read(const std::string& line) {
        static const std::regex help("# HELP ([a-z_]+) (.+)"), type("# TYPE ([a-z_]+) (counter|gauge|histogram)"),
            sample(R"re(([a-z_]+)(\{.*\})? (\S+))re");
        std::smatch found;
        if (std::regex_match(line, found, help)) {
            family = found[1];
            EXPECT_TRUE(helps.emplace(family, found[2]).second) << "twice: " << line;
        } else if (std::regex_match(line, found, type)) {
            EXPECT_EQ(found[1], family) << line;
            EXPECT_TRUE(types.emplace(found[1], found[2]).second) << "twice: " << line;
        } else if (std::regex_match(line, found, sample)) {
            const std::string name = found[1];
            const bool part = types[family] == "histogram" && name.starts_with(family);
            EXPECT_TRUE(name == family || part) << "outside its family: " << line;
            EXPECT_TRUE(values.emplace(name + found[2].str(), std::strtod(found[3].str().c_str(), nullptr)).second)
                << "twice: " << line;
        } else {
            ADD_FAILURE() << "not the text format: " << line;
        }
    }

    double operator[](const std::string& series) const {
        const auto found = values.find(series);
        return found == values.end() ? std::nan("") : found->second;
    }

    std::string family;
    std::map<std::string, std::string> helps, types;
    std::map<std::string, double> values;
};

class ExpositionTest : public testing::Test {
protected:
    Exposition expose() const { return Exposition(expose_text(*board_, series_)); }

    // A living process in row `row`.
    ProcessRow& process(std::uint32_t row, std::uint32_t handler, std::uint32_t slot, ProcessState state) {
        ProcessRow& result = board_->processes[row];
        result.handler = handler;
        result.slot = slot;
        result.state = static_cast<std::uint32_t>(state);
        board_->globals.process_rows.set(row + 1);
        return result;
    }

    BoardMemory board_ = BoardMemory::create();
    Series series_{.ports = {{"7001/tcp", "tcp", "veg", "handoff", 0, 1000},
                             {"7001/udp", "udp", "veg-udp", "inherit", 1, 0},
                             {"[::1]:7002/tcp", "tcp", "veg", "handoff", 2, 0},
                             {"7003/udp", "udp", "store", "relay", 3, 4096, true}},
                   .handlers = {{"veg", 0, false, "handoff"},
                                {"veg-udp", 1, false, "inherit"},
                                {"store", 2, false, "relay", {{"127.0.0.1:1", 5}, {"127.0.0.1:2", 3, 1}}},
                                {"git", 3, true, "spawn"}}};
};

}  // namespace

// With one port of each kind every metric of the catalogue has help and type, and nothing else is exported.
TEST_F(ExpositionTest, IsTheCatalogue) {
    process(1, 0, 0, ProcessState::ready);
    const Exposition page = expose();
    std::set<std::string> wanted, got;
    for (const Metric& metric : catalogue()) {
        wanted.insert(metric.name);
        const auto type = page.types.find(metric.name);
        ASSERT_NE(type, page.types.end()) << metric.name;
        EXPECT_EQ(type->second, to_string(metric.kind)) << metric.name;
        EXPECT_EQ(page.helps.at(metric.name), metric.help);
    }
    for (const auto& [name, type] : page.types) got.insert(name);
    EXPECT_EQ(got, wanted);
}

// Every series that is known beforehand is there from the start, at zero, so that rates are right from the first event.
TEST_F(ExpositionTest, KnownSeriesStartAtZero) {
    const Exposition page = expose();
    for (const char* port : {"7001/tcp", "[::1]:7002/tcp"}) {
        const std::string label = "{port=\"" + std::string(port) + "\"}";
        for (const char* name : {"connections_accepted_total", "connections_active", "received_bytes_total",
                                 "sent_bytes_total", "accept_queue_length", "accept_queue_limit"})
            EXPECT_EQ(page["portier_" + std::string(name) + label], 0) << name << label;
        for (const char* reason : kRejectedNames)
            EXPECT_EQ(page["portier_connections_rejected_total{port=\"" + std::string(port) + "\",reason=\"" + reason +
                           "\"}"],
                      0);
        for (const char* reason : kClosedNames)
            EXPECT_EQ(
                page["portier_connections_closed_total{port=\"" + std::string(port) + "\",reason=\"" + reason + "\"}"],
                0);
    }
    for (const char* reason : kRestartedNames)
        EXPECT_EQ(page["portier_handler_restarts_total{handler=\"veg\",reason=\"" + std::string(reason) + "\"}"], 0);
    for (const char* state : {"starting", "ready", "draining", "stopping", "waiting"})
        EXPECT_EQ(page["portier_handler_processes{handler=\"veg\",state=\"" + std::string(state) + "\"}"], 0);
    for (const char* result : kReloadResultNames)
        EXPECT_EQ(page["portier_config_reloads_total{result=\"" + std::string(result) + "\"}"], 0);
    for (const char* reason : kRouterRestartNames)
        EXPECT_EQ(page["portier_router_restarts_total{reason=\"" + std::string(reason) + "\"}"], 0);
    EXPECT_EQ(page["portier_datagrams_dropped_total{port=\"7001/udp\",reason=\"queue_full\"}"], 0);
    for (const char* delivery : {"handoff", "relay", "spawn"})
        EXPECT_EQ(page["portier_dispatch_duration_seconds_count{delivery=\"" + std::string(delivery) + "\"}"], 0);
    EXPECT_EQ(page["portier_accounting_resyncs_total"], 0);
}

// Each number of a port's row stands behind its own name.
TEST_F(ExpositionTest, ShowsAPort) {
    PortRow& row = board_->ports[2];
    row.accepted.add(100);
    row.seen.add(11);
    for (std::size_t i = 0; i < row.rejected.size(); ++i) row.rejected[i].add(i + 1);
    for (std::size_t i = 0; i < row.closed.size(); ++i) row.closed[i].add(10 + i);
    row.accepted.add(100);
    row.relayed.closed[0].add(1);
    row.received_bytes.add(9007199254740992);
    row.sent_bytes.add(5);
    row.accept_queue_length.set(6);
    row.accept_queue_limit.set(4096);
    const Exposition page = expose();
    const auto value = [&](const std::string& name, const std::string& more = "") {
        return page["portier_" + name + "{port=\"[::1]:7002/tcp\"" + more + "}"];
    };
    EXPECT_EQ(value("port_info", ",protocol=\"tcp\",handler=\"veg\",delivery=\"handoff\""), 1);
    EXPECT_EQ(value("connections_accepted_total"), 211);
    EXPECT_EQ(value("connections_active"), 211 - 146);
    EXPECT_EQ(value("connections_limit"), 0);
    EXPECT_EQ(value("connections_rejected_total", ",reason=\"limit\""), 1);
    EXPECT_EQ(value("connections_rejected_total", ",reason=\"source_limit\""), 2);
    EXPECT_EQ(value("connections_rejected_total", ",reason=\"error\""), 7);
    EXPECT_EQ(value("connections_closed_total", ",reason=\"client_close\""), 11)
        << "by the kernel's word and a relay's";
    EXPECT_EQ(value("connections_closed_total", ",reason=\"unknown\""), 15);
    EXPECT_EQ(value("received_bytes_total"), 9007199254740992.0);
    EXPECT_EQ(value("sent_bytes_total"), 5);
    EXPECT_EQ(value("accept_queue_length"), 6);
    EXPECT_EQ(value("accept_queue_limit"), 4096);
    EXPECT_EQ(page["portier_connections_limit{port=\"7001/tcp\"}"], 1000);
    EXPECT_EQ(page["portier_connections_accepted_total{port=\"7001/tcp\"}"], 0) << "another row";
}

// Nothing is claimed of a UDP port that only a router in the path could know.
TEST_F(ExpositionTest, UdpPortHasNoConnections) {
    board_->ports[1].datagrams_dropped.set(3);
    const Exposition page = expose();
    EXPECT_EQ(page["portier_datagrams_dropped_total{port=\"7001/udp\",reason=\"queue_full\"}"], 3);
    for (const auto& [series, value] : page.values)
        EXPECT_FALSE(series.starts_with("portier_connection") && series.find("7001/udp") != std::string::npos)
            << series;
}

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

// Buckets are cumulative, their bounds are seconds, +Inf equals the count, and the sum is in seconds.
TEST_F(ExpositionTest, ShowsHistograms) {
    for (const std::uint64_t microseconds : {5u, 20u, 20u, 700u, 2000000u})
        board_->globals.dispatch_handoff.observe(kDispatchBounds, microseconds);
    const Exposition page = expose();
    const auto bucket = [&](const std::string& bound) {
        return page["portier_dispatch_duration_seconds_bucket{delivery=\"handoff\",le=\"" + bound + "\"}"];
    };
    EXPECT_EQ(bucket("1e-05"), 1);
    EXPECT_EQ(bucket("2.5e-05"), 3);
    EXPECT_EQ(bucket("0.0005"), 3);
    EXPECT_EQ(bucket("0.001"), 4);
    EXPECT_EQ(bucket("1"), 4);
    EXPECT_EQ(bucket("+Inf"), 5);
    EXPECT_EQ(page["portier_dispatch_duration_seconds_count{delivery=\"handoff\"}"], 5);
    EXPECT_NEAR(page["portier_dispatch_duration_seconds_sum{delivery=\"handoff\"}"], 2.000745, 1e-9);
}

// The processes of a handler add up; each slot has its own connections, and processes that are gone count for nothing.
TEST_F(ExpositionTest, ShowsHandlers) {
    process(1, 0, 0, ProcessState::ready).sent.add(5);
    process(2, 0, 1, ProcessState::ready).sent.add(7);
    process(3, 0, 1, ProcessState::draining).sent.add(2);  // replaced, in the same slot
    process(4, 0, 2, ProcessState::waiting);
    process(5, 0, 3, ProcessState::absent).sent.add(100);
    process(6, 1, 0, ProcessState::starting);
    for (std::uint32_t row = 1; row <= 3; ++row) {
        board_->processes[row].resident_bytes.set(1000 * row);
        board_->processes[row].open_fds.set(row);
        board_->processes[row].cpu_microseconds.set(250'000);
        board_->processes[row].started_ms.set(1'700'000'000'000 + row * 1000);
    }
    board_->handlers[0].ended_cpu_microseconds.add(1'000'000);
    board_->handlers[0].restarts[1].add(9);
    const Exposition page = expose();
    const auto count = [&](const char* state) {
        return page["portier_handler_processes{handler=\"veg\",state=\"" + std::string(state) + "\"}"];
    };
    EXPECT_EQ(count("ready"), 2);
    EXPECT_EQ(count("draining"), 1);
    EXPECT_EQ(count("waiting"), 1);
    EXPECT_EQ(count("starting"), 0);
    EXPECT_EQ(page["portier_handler_processes{handler=\"veg-udp\",state=\"starting\"}"], 1);
    const auto connections = [&](const char* slot) {
        return page["portier_handler_connections_active{handler=\"veg\",process=\"" + std::string(slot) + "\"}"];
    };
    EXPECT_EQ(connections("0"), 5);
    EXPECT_EQ(connections("1"), 9);
    EXPECT_TRUE(std::isnan(connections("3")));
    EXPECT_EQ(page["portier_handler_start_time_seconds{handler=\"veg\",process=\"1\"}"], 1'700'000'003)
        << "of the newest process in the slot";
    EXPECT_EQ(page["portier_handler_cpu_seconds_total{handler=\"veg\"}"], 1.75);
    EXPECT_EQ(page["portier_handler_resident_memory_bytes{handler=\"veg\"}"], 6000);
    EXPECT_EQ(page["portier_handler_open_fds{handler=\"veg\"}"], 6);
    EXPECT_EQ(page["portier_handler_restarts_total{handler=\"veg\",reason=\"signal\"}"], 9);
}

// The whole and the two processes of our own.
TEST_F(ExpositionTest, ShowsGlobalsAndRoles) {
    Globals& globals = board_->globals;
    globals.generation.set(3);
    globals.last_reload_ok.set(1);
    globals.last_reload_ms.set(1'700'000'000'500);
    globals.reloads[static_cast<std::size_t>(ReloadResult::failed)].add(2);
    globals.router_restarts[1].add(4);
    globals.accounting_resyncs.add(5);
    globals.roles[1].open_fds.set(42);
    globals.roles[1].cpu_microseconds.set(1'500'000);
    globals.roles[0].started_ms.set(1'600'000'000'000);
    const Exposition page = expose();
    EXPECT_EQ(page["portier_build_info{version=\"" + std::string(kVersion) + "\"}"], 1);
    EXPECT_EQ(page["portier_config_generation"], 3);
    EXPECT_EQ(page["portier_config_last_reload_successful"], 1);
    EXPECT_EQ(page["portier_config_last_reload_success_timestamp_seconds"], 1'700'000'000.5);
    EXPECT_EQ(page["portier_config_reloads_total{result=\"failed\"}"], 2);
    EXPECT_EQ(page["portier_router_restarts_total{reason=\"signal\"}"], 4);
    EXPECT_EQ(page["portier_accounting_resyncs_total"], 5);
    EXPECT_EQ(page["process_open_fds{role=\"router\"}"], 42);
    EXPECT_EQ(page["process_cpu_seconds_total{role=\"router\"}"], 1.5);
    EXPECT_EQ(page["process_start_time_seconds{role=\"keeper\"}"], 1'600'000'000);
}

// A name with quotes, backslashes or line breaks cannot forge another series.
TEST_F(ExpositionTest, EscapesLabels) {
    series_ = {.ports = {}, .handlers = {{"a\"b\\c\nd", 0}}};
    EXPECT_EQ(expose()["portier_handler_open_fds{handler=\"a\\\"b\\\\c\\nd\"}"], 0);
}

// A port that is configured no more takes its series along.
TEST_F(ExpositionTest, ForgetsRemovedPorts) {
    board_->ports[0].accepted.add(5);
    series_.ports.erase(series_.ports.begin());
    for (const auto& [series, value] : expose().values)
        EXPECT_EQ(series.find("\"7001/tcp\""), std::string::npos) << series;
}

}  // namespace portier::metrics
