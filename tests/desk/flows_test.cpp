#include "desk/flows.hpp"

#include <gtest/gtest.h>

#include "net/socket.hpp"
#include "support/flow_client.hpp"
#include "support/free_port.hpp"

namespace portier::desk {

namespace {

class FlowsTest : public testing::Test {
protected:
    static FlowKey key(std::uint16_t client) { return {{{4, {10, 0, 0, 1}}, client}, {test::kLoopback, 7001}}; }
    // A datagram of so many bytes; they last as long as the test.
    net::Datagram bytes(std::size_t size, std::uint64_t arrived_ns = 0) const {
        return {{}, {}, 0, std::span(zeros_).first(size), arrived_ns};
    }

    std::vector<std::byte> zeros_ = std::vector<std::byte>(1 << 17);

    static std::vector<std::size_t> sizes_of(WaitingFlow flow) {
        std::vector<std::size_t> sizes;
        for (const auto& datagram : flow.take_early()) sizes.push_back(datagram.size());
        return sizes;
    }

    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    metrics::PortRow& row_ = board_->ports[1];
    delivery::PortPlan plan_{.key = "flows", .protocol = "udp", .first = 7001, .last = 7001, .flows = {.max = 2}};
};

}  // namespace

// What waits is found again, and is gone when it is taken out.
TEST_F(FlowsTest, KeepsWhatWaits) {
    Flows flows(plan_, row_);
    EXPECT_EQ(flows.find_waiting(key(1)), nullptr);
    WaitingFlow* flow = flows.add_waiting(key(1));
    ASSERT_NE(flow, nullptr);
    EXPECT_TRUE(flows.append(*flow, bytes(3)));
    EXPECT_TRUE(flows.append(*flows.find_waiting(key(1)), bytes(0)));
    EXPECT_EQ(sizes_of(flows.take_waiting(key(1))), (std::vector<std::size_t>{3, 0}));
    EXPECT_EQ(flows.find_waiting(key(1)), nullptr);
    EXPECT_TRUE(sizes_of(flows.take_waiting(key(1))).empty());
}

// It comes out in the order in which the kernel took it in, not in that in which the sockets were read.
TEST_F(FlowsTest, TheKernelsOrder) {
    Flows flows(plan_, row_);
    WaitingFlow& flow = *flows.add_waiting(key(1));
    for (const std::uint64_t time : {4, 7, 3, 7, 5})
        EXPECT_TRUE(flows.append(flow, bytes(flow.early.size(), 1'800'000'000'000'000'000 + time)));
    EXPECT_EQ(sizes_of(flows.take_waiting(key(1))), (std::vector<std::size_t>{2, 0, 4, 1, 3}));
}

// As many early datagrams as fit a message, and not a byte more: two of the largest size do not.
TEST_F(FlowsTest, EarlyDatagramsFitAMessage) {
    Flows flows(plan_, row_);
    WaitingFlow& flow = *flows.add_waiting(key(1));
    EXPECT_TRUE(flows.append(flow, bytes(65'507)));
    EXPECT_FALSE(flows.append(flow, bytes(65'507)));
    EXPECT_TRUE(flows.append(flow, bytes(131'072 - 8 - 48 - 2 - 65'507 - 2)));
    EXPECT_FALSE(flows.append(flow, bytes(0)));
}

TEST_F(FlowsTest, WhatWaitsIsBounded) {
    Flows flows(plan_, row_);
    std::size_t kept = 0;
    for (std::uint16_t client = 1; client <= 1000; ++client)
        if (flows.append(*flows.add_waiting(key(client)), bytes(60'000))) ++kept;
    EXPECT_GT(kept, 100u);
    EXPECT_LE(kept * 60'000, Flows::kMostBytes);
    flows.take_waiting(key(1));
    EXPECT_TRUE(flows.append(*flows.find_waiting(key(1000)), bytes(60'000))) << "room again";
    for (std::uint16_t client = 1001; client < 60'000; ++client) flows.add_waiting(key(client));
    EXPECT_EQ(flows.add_waiting(key(60'001)), nullptr);
}

// A flow that a process has is forgotten once, by its socket's cookie, and makes room.
TEST_F(FlowsTest, CountsWhatProcessesHave) {
    Flows flows(plan_, row_);
    flows.add_handed(key(1), 11);
    EXPECT_FALSE(flows.full());
    flows.add_handed(key(2), 12);
    EXPECT_TRUE(flows.full());
    EXPECT_EQ(flows.find_handed(key(2)), 12u);
    EXPECT_EQ(flows.remove_handed(12), key(2));
    EXPECT_EQ(flows.remove_handed(12), std::nullopt);
    EXPECT_EQ(flows.find_handed(key(2)), std::nullopt);
    EXPECT_FALSE(flows.full());
}

// No more ends are asked for than are needed beside those that are under way.
TEST_F(FlowsTest, AsksForEndsOnce) {
    Flows flows(plan_, row_);
    auto& evicted = row_.flows_ended[static_cast<std::size_t>(metrics::FlowClosed::evicted)];
    net::Eviction eviction = flows.evict(3);
    EXPECT_EQ(eviction.count, 3u);
    EXPECT_EQ(eviction.first, 7001);
    EXPECT_EQ(eviction.last, 7001);
    EXPECT_EQ(flows.evict(3).count, 0u);
    evicted.add(2);
    EXPECT_EQ(flows.evict(3).count, 2u);
    flows.forget_evictions();
    EXPECT_EQ(row_.flows.evictions.get(), evicted.get());
    EXPECT_EQ(flows.evict(1).count, 1u);
}

// A router that takes over finds the flows of its port in the kernel, and neither the shared socket nor other ports'.
TEST_F(FlowsTest, FindsTheFlowsOfARouterBefore) {
    plan_.first = plan_.last = test::free_ports();
    const Fd shared = net::open_udp_socket({std::nullopt, plan_.first}, true);
    const Fd client = test::udp_client({test::kLoopback, plan_.first});
    const FlowKey flow{net::local_endpoint(client.get()), {test::kLoopback, plan_.first}};
    std::error_code error;
    const Fd socket = net::bind_flow_socket(flow.local, 0, error);
    ASSERT_FALSE(net::connect_flow_socket(socket.get(), flow.remote, 0));
    EXPECT_TRUE(Flows(plan_, row_).handed().empty()) << "nobody has looked: there were none before";
    row_.flows.handed.add();
    const Flows found(plan_, row_);
    ASSERT_EQ(found.handed().size(), 1u);
    EXPECT_EQ(found.find_handed(flow), net::socket_cookie(socket.get()));
    plan_.address = "127.0.0.2";
    EXPECT_TRUE(Flows(plan_, row_).handed().empty());
}

}  // namespace portier::desk
