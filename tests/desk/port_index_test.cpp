#include "desk/port_index.hpp"

#include <gtest/gtest.h>

namespace portier::desk {

namespace {

constexpr std::uint32_t kNoRow = ~std::uint32_t{0};

net::Endpoint at(const char* address, std::uint16_t port) {
    return {*net::parse_address(address), port};
}

delivery::Plan plan_of(std::vector<delivery::PortPlan> ports) {
    delivery::Plan plan;
    plan.handlers = {{.name = "veg", .delivery = "handoff", .processes = {{.row = 3}}},
                     {.name = "alone", .delivery = "inherit", .processes = {{.row = 4}}},
                     {.name = "many", .delivery = "inherit", .processes = {{.row = 5}, {.row = 6}}}};
    plan.ports = std::move(ports);
    return plan;
}

std::uint32_t row_at(const PortIndex& index, const net::Endpoint& local) {
    const PortIndex::Port* port = index.find(local);
    return port ? port->row : kNoRow;
}

std::vector<std::pair<unsigned, unsigned>> pairs(const std::vector<net::PortInterval>& intervals) {
    std::vector<std::pair<unsigned, unsigned>> result;
    for (const net::PortInterval& interval : intervals) result.emplace_back(interval.first, interval.last);
    return result;
}

}  // namespace

// A range is found by each of its numbers and by no other, up to the last number there is.
TEST(PortIndex, FindsRanges) {
    PortIndex index;
    index.assign(plan_of({{.key = "100-200/tcp", .row = 1, .protocol = "tcp", .first = 100, .last = 200},
                          {.key = "65530-65535/tcp", .row = 2, .protocol = "tcp", .first = 65530, .last = 65535}}),
                 "tcp");
    for (unsigned port = 1; port <= 65535; ++port) {
        const std::uint32_t wanted = port >= 100 && port <= 200 ? 1 : port >= 65530 ? 2 : kNoRow;
        ASSERT_EQ(row_at(index, at("10.0.0.1", static_cast<std::uint16_t>(port))), wanted) << port;
    }
}

// A port without an address has every address, 0.0.0.0 and [::] those of their family, any other just its own.
TEST(PortIndex, FindsByAddress) {
    PortIndex index;
    index.assign(plan_of({{.row = 1, .protocol = "tcp", .first = 80, .last = 80},
                          {.row = 2, .protocol = "tcp", .address = "0.0.0.0", .first = 81, .last = 81},
                          {.row = 3, .protocol = "tcp", .address = "::", .first = 81, .last = 81},
                          {.row = 4, .protocol = "tcp", .address = "127.0.0.1", .first = 82, .last = 82},
                          {.row = 5, .protocol = "tcp", .address = "::1", .first = 82, .last = 82}}),
                 "tcp");
    const struct {
        const char* address;
        std::uint16_t port;
        std::uint32_t row;
    } cases[]{
        {"10.0.0.1", 80, 1},  {"fd00::1", 80, 1}, {"0.0.0.0", 80, 1},        {"::", 80, 1},
        {"10.0.0.1", 81, 2},  {"0.0.0.0", 81, 2}, {"fd00::1", 81, 3},        {"::", 81, 3},
        {"127.0.0.1", 82, 4}, {"::1", 82, 5},     {"127.0.0.2", 82, kNoRow}, {"fd00::1", 82, kNoRow},
    };
    for (const auto& c : cases) EXPECT_EQ(row_at(index, at(c.address, c.port)), c.row) << c.address << " " << c.port;
}

// Whatever the order of the plan, the more specific port has the connection.
TEST(PortIndex, SpecificBeforeWildcard) {
    std::vector<delivery::PortPlan> ports{
        {.row = 1, .protocol = "tcp", .first = 80, .last = 80},
        {.row = 2, .protocol = "tcp", .address = "0.0.0.0", .first = 80, .last = 80},
        {.row = 3, .protocol = "tcp", .address = "127.0.0.1", .first = 80, .last = 80}};
    for (int order = 0; order < 6; ++order) {
        PortIndex index;
        index.assign(plan_of(ports), "tcp");
        EXPECT_EQ(row_at(index, at("127.0.0.1", 80)), 3u) << order;
        EXPECT_EQ(row_at(index, at("127.0.0.2", 80)), 2u) << order;
        EXPECT_EQ(row_at(index, at("::1", 80)), 1u) << order;
        std::next_permutation(ports.begin(), ports.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
    }
}

// Each index holds one protocol, and a new plan replaces the old one as a whole.
TEST(PortIndex, HoldsOneProtocolOfTheLastPlan) {
    const std::vector<delivery::PortPlan> ports{{.row = 1, .protocol = "tcp", .first = 80, .last = 80},
                                                {.row = 2, .protocol = "udp", .first = 80, .last = 80}};
    PortIndex tcp, udp;
    tcp.assign(plan_of(ports), "tcp");
    udp.assign(plan_of(ports), "udp");
    EXPECT_EQ(row_at(tcp, at("::1", 80)), 1u);
    EXPECT_EQ(row_at(udp, at("::1", 80)), 2u);
    tcp.assign(plan_of({{.row = 9, .protocol = "tcp", .first = 90, .last = 90}}), "tcp");
    EXPECT_EQ(row_at(tcp, at("::1", 80)), kNoRow);
    EXPECT_EQ(row_at(tcp, at("::1", 90)), 9u);
    EXPECT_EQ(tcp.ports().size(), 1u);
}

// Who accepts and which process it must be comes from the handler, limits per source from the port.
TEST(PortIndex, KnowsTheHandler) {
    PortIndex index;
    index.assign(
        plan_of(
            {{.key = "1/tcp", .protocol = "tcp", .first = 1, .last = 1, .handler = 0},
             {.key = "2/tcp", .protocol = "tcp", .first = 2, .last = 2, .handler = 1},
             {.protocol = "tcp", .first = 3, .last = 3, .handler = 2, .admission = {.max_connections_per_source = 7}}}),
        "tcp");
    const PortIndex::Port& handed = *index.find(at("::1", 1));
    EXPECT_EQ(handed.key, "1/tcp");
    EXPECT_EQ(handed.handler, "veg");
    EXPECT_EQ(handed.delivery, "handoff");
    EXPECT_TRUE(handed.router_accepts);
    EXPECT_EQ(handed.only_process, 0u);
    EXPECT_FALSE(handed.counts_sources);
    EXPECT_FALSE(index.find(at("::1", 2))->router_accepts);
    EXPECT_EQ(index.find(at("::1", 2))->only_process, 4u);
    EXPECT_EQ(index.find(at("::1", 3))->only_process, 0u) << "any of two";
    EXPECT_TRUE(index.find(at("::1", 3))->counts_sources);
    delivery::Plan spawn = plan_of({{.protocol = "tcp", .first = 1, .last = 1, .handler = 0},
                                    {.protocol = "tcp", .first = 2, .last = 2, .handler = 1}});
    for (std::size_t i : {0u, 1u}) spawn.handlers[i].delivery = "spawn";
    spawn.handlers[1].spawn.style = "inetd-wait";
    index.assign(spawn, "tcp");
    EXPECT_TRUE(index.find(at("::1", 1))->router_accepts);
    EXPECT_FALSE(index.find(at("::1", 2))->router_accepts) << "its processes do";
}

// The intervals for the kernel's filter and dumps are merged; those of processes that accept stand apart, and a relay's
// are not of the kernel's business: the router ends its connections itself.
TEST(PortIndex, GivesIntervals) {
    PortIndex index;
    delivery::Plan plan = plan_of({{.protocol = "tcp", .first = 20, .last = 30, .handler = 1},
                                   {.protocol = "tcp", .first = 10, .last = 19, .handler = 0},
                                   {.protocol = "tcp", .address = "::1", .first = 50, .last = 50, .handler = 2},
                                   {.protocol = "tcp", .address = "::2", .first = 50, .last = 50, .handler = 0},
                                   {.protocol = "tcp", .first = 55, .last = 55, .handler = 3},
                                   {.protocol = "udp", .first = 60, .last = 60, .handler = 1}});
    plan.handlers.push_back({.name = "away", .delivery = "relay"});
    index.assign(plan, "tcp");
    using Pairs = std::vector<std::pair<unsigned, unsigned>>;
    EXPECT_EQ(pairs(index.intervals()), (Pairs{{10, 30}, {50, 50}, {55, 55}}));
    EXPECT_EQ(pairs(index.held_by_processes()), (Pairs{{10, 30}, {50, 50}}));
    EXPECT_EQ(pairs(index.inherited()), (Pairs{{20, 30}, {50, 50}}));
}

}  // namespace portier::desk
