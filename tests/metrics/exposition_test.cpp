#include "metrics/exposition.hpp"

#include <gtest/gtest.h>

#include "base/version.hpp"
#include "metrics/catalogue.hpp"
#include "metrics/exposition_case.hpp"

namespace portier::metrics {

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
