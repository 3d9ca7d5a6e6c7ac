#include "delivery/udp/flow_backends.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/error.hpp"
#include "delivery/plan.hpp"
#include "metrics/board.hpp"

namespace portier::delivery {

namespace {

const net::Address kClient = *net::parse_address("192.0.2.1");

class FlowBackendsTest : public testing::Test {
protected:
    FlowBackendsTest() {
        plan.balance = "round-robin";
        plan.relay.fail_timeout_ms = 1000;
    }

    BackendPlan& add(const char* address, std::uint16_t port) {
        const auto row = static_cast<std::uint32_t>(plan.relay.backends.size());
        plan.relay.backends.push_back({.row = row, .name = address, .address = address, .port = port});
        return plan.relay.backends.back();
    }
    // The ports of the next choices, each of which begins a flow.
    std::map<std::uint16_t, int> choices(int count, std::uint64_t now_ms = 0) {
        std::map<std::uint16_t, int> result;
        for (int i = 0; i < count; ++i) {
            FlowBackend* backend = backends.choose(kClient, now_ms);
            if (!backend) continue;
            backends.began(*backend);
            ++result[backend->endpoint.port];
        }
        return result;
    }
    FlowBackend& of(std::uint16_t port) { return *backends.find(pack({*net::parse_address("127.0.0.1"), port})); }

    HandlerPlan plan;
    metrics::BoardMemory board = metrics::BoardMemory::create();
    FlowBackends backends{*board};
};

using Choices = std::map<std::uint16_t, int>;

TEST_F(FlowBackendsTest, TakeTurnsByWeight) {
    add("127.0.0.1", 1).weight = 3;
    add("127.0.0.1", 2);
    backends.update(plan);
    EXPECT_EQ(choices(40), (Choices{{1, 30}, {2, 10}}));
    EXPECT_EQ(board->backends[0].flows.opened.get(), 30u);
}

TEST_F(FlowBackendsTest, FewestFlowsForItsWeight) {
    plan.balance = "least-connections";
    add("127.0.0.1", 1);
    add("127.0.0.1", 2);
    backends.update(plan);
    choices(10);
    for (int i = 0; i < 4; ++i) backends.ended(of(2));
    EXPECT_EQ(choices(4), (Choices{{2, 4}}));
}

TEST_F(FlowBackendsTest, TheBackupWaitsUntilNobodyElseAnswers) {
    add("127.0.0.1", 1);
    add("127.0.0.1", 2).backup = true;
    backends.update(plan);
    EXPECT_EQ(choices(5), (Choices{{1, 5}}));
    backends.failed(of(1), errno_code(ECONNREFUSED), 100);
    EXPECT_EQ(choices(5, 100), (Choices{{2, 5}}));
    EXPECT_TRUE(backends.is_better_left(of(1), 100));
    EXPECT_FALSE(backends.is_better_left(of(2), 100));
    EXPECT_EQ(choices(5, 1100), (Choices{{1, 5}})) << "it is asked again";
    EXPECT_EQ(board->backends[0].flows.failures[0].get(), 1u);
}

TEST_F(FlowBackendsTest, TheLastOneIsAskedEvenIfItRefuses) {
    add("127.0.0.1", 1);
    backends.update(plan);
    backends.failed(of(1), errno_code(ECONNREFUSED), 100);
    EXPECT_EQ(choices(3, 100), (Choices{{1, 3}}));
    EXPECT_FALSE(backends.is_better_left(of(1), 100));
}

TEST_F(FlowBackendsTest, OnlyItsOwnFaultsCount) {
    add("127.0.0.1", 1);
    add("127.0.0.1", 2);
    backends.update(plan);
    for (const int error : {EAGAIN, EMSGSIZE, ENOBUFS, EPERM}) backends.failed(of(1), errno_code(error), 0);
    EXPECT_FALSE(backends.is_better_left(of(1), 0));
    backends.failed(of(1), errno_code(EHOSTUNREACH), 0);
    EXPECT_TRUE(backends.is_better_left(of(1), 0));
    EXPECT_EQ(board->backends[0].flows.failures[static_cast<std::size_t>(metrics::BackendFailed::unreachable)].get(),
              1u);
}

TEST_F(FlowBackendsTest, ActiveChecksCountWhereThereAreSome) {
    add("127.0.0.1", 1);
    add("127.0.0.1", 2);
    board->backends[1].up.set(1);
    backends.update(plan);
    EXPECT_EQ(choices(4), (Choices{{1, 2}, {2, 2}})) << "nobody checks";
    plan.relay.health.interval_ms = 1000;
    backends.update(plan);
    EXPECT_EQ(choices(4), (Choices{{2, 4}}));
    EXPECT_TRUE(backends.is_better_left(of(1), 0));
}

TEST_F(FlowBackendsTest, LimitsHold) {
    add("127.0.0.1", 1).max_connections = 2;
    add("127.0.0.1", 2).max_connections = 3;
    backends.update(plan);
    EXPECT_EQ(choices(10), (Choices{{1, 2}, {2, 3}}));
    EXPECT_EQ(backends.choose(kClient, 0), nullptr);
    backends.ended(of(1));
    EXPECT_EQ(choices(10), (Choices{{1, 1}}));
}

TEST_F(FlowBackendsTest, AReloadKeepsThoseThatStay) {
    add("127.0.0.1", 1);
    add("127.0.0.1", 2);
    backends.update(plan);
    choices(4);
    const FlowBackend* stays = &of(2);
    plan.relay.backends.erase(plan.relay.backends.begin());
    backends.update(plan);
    EXPECT_TRUE(of(1).gone);
    EXPECT_EQ(&of(2), stays);
    EXPECT_EQ(of(2).flows, 2u);
    EXPECT_EQ(choices(2), (Choices{{2, 2}}));
    backends.forget_gone();
    EXPECT_EQ(backends.find(pack({*net::parse_address("127.0.0.1"), 1})), nullptr);
}

TEST_F(FlowBackendsTest, OnlyLocalOnesNeedNoSocketOfTheirOwn) {
    add("127.0.0.1", 1);
    add("::1", 2);
    add("192.0.2.9", 3);
    add("", 4).path = "/run/somewhere";
    backends.update(plan);
    EXPECT_TRUE(of(1).by_loopback);
    EXPECT_FALSE(backends.find(pack({*net::parse_address("::1"), 2}))->by_loopback);
    EXPECT_FALSE(backends.find(pack({*net::parse_address("192.0.2.9"), 3}))->by_loopback);
    EXPECT_EQ(choices(9).size(), 3u) << "a Unix socket gets no datagrams";
    plan.relay.source_address = "127.0.0.7";
    backends.update(plan);
    EXPECT_FALSE(of(1).by_loopback) << "it shall see that address";
    EXPECT_EQ(net::to_string(backends.source_address()), "127.0.0.7");
}

}  // namespace

}  // namespace portier::delivery
