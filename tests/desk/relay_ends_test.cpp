#include "desk/relay_ends.hpp"

#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "support/log_capture.hpp"

namespace portier::desk {

namespace {

constexpr std::uint32_t kRow = 4;

delivery::Plan plan(bool log) {
    delivery::Plan result;
    result.log_connections = log;
    result.handlers = {{.name = "far", .row = 1, .delivery = "relay"}};
    result.handlers[0].relay.backends = {{.row = 2, .name = "near"}};
    result.ports = {{.key = "7001/tcp", .row = kRow, .protocol = "tcp", .handler = 0}};
    return result;
}

delivery::Accepted accepted() {
    delivery::Accepted result;
    result.remote = {*net::parse_address("10.1.2.3"), 4567};
    result.local = {*net::parse_address("10.0.0.1"), 7001};
    result.port_row = kRow;
    result.accepted_us = monotonic_microseconds();
    return result;
}

}  // namespace

TEST(RelayEnds, CountsAndLogsAConnection) {
    test::LogCapture log;
    const auto board = metrics::BoardMemory::create();
    RelayEnds ends(*board);
    ends.apply(plan(true));
    const auto connection = accepted();
    ends.count({connection, "10.9.9.9:80", 100, 2000, metrics::Closed::handler_reset});
    const auto& row = board->ports[kRow].relayed;
    EXPECT_EQ(row.received_bytes.get(), 100u);
    EXPECT_EQ(row.sent_bytes.get(), 2000u);
    EXPECT_EQ(row.closed[static_cast<std::size_t>(metrics::Closed::handler_reset)].get(), 1u);
    EXPECT_EQ(row.duration.buckets[0].get(), 1u);
    const auto lines = log.lines_with("10.1.2.3:4567");
    ASSERT_EQ(lines.size(), 1u);
    for (const char* part : {"7001/tcp", "far", "10.9.9.9:80", "handler_reset", "\"received\":100", "\"sent\":2000"})
        EXPECT_NE(lines[0].find(part), std::string::npos) << part;
}

// A connection outlives its port, and its line still says which one that was.
TEST(RelayEnds, RemembersPortsThatAreGone) {
    test::LogCapture log;
    const auto board = metrics::BoardMemory::create();
    RelayEnds ends(*board);
    ends.apply(plan(true));
    delivery::Plan without = plan(true);
    without.ports.clear();
    ends.apply(without);
    const auto connection = accepted();
    ends.count({connection, "-", 0, 0, metrics::Closed::no_backend});
    EXPECT_EQ(log.lines_with("7001/tcp").size(), 1u);
    ends.apply(plan(false));
    ends.count({connection, "-", 0, 0, metrics::Closed::no_backend});
    EXPECT_EQ(log.lines_with("7001/tcp").size(), 1u) << "not asked for any more";
}

// A router that died took its connections with it; only the first plan says so.
TEST(RelayEnds, SettlesBackendsOnce) {
    const auto board = metrics::BoardMemory::create();
    board->backends[2].opened.set(7);
    board->backends[2].ended.set(4);
    board->backends[5].opened.set(1);  // not configured now, and may come back
    board->backends[5].flows.opened.set(3);
    board->globals.backend_rows.set(6);
    RelayEnds ends(*board);
    ends.apply(plan(false));
    EXPECT_EQ(board->backends[2].active(), 0u);
    EXPECT_EQ(board->backends[5].active(), 0u);
    board->backends[2].opened.add();
    ends.apply(plan(false));
    EXPECT_EQ(board->backends[2].active(), 1u);
}

}  // namespace portier::desk
