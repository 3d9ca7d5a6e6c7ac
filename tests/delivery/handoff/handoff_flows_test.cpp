// UDP flows on a handoff channel.
#include "delivery/handoff/handoff_channel_case.hpp"

namespace portier::delivery {

namespace {

class HandoffFlowsTest : public HandoffChannelCase {};

}  // namespace

// A flow brings its early datagrams; how long it may be idle is told before it, and only when it is news.
TEST_F(HandoffFlowsTest, TellsHowLongFlowsMayBeIdle) {
    give_credit(10);
    const auto send_flow = [&](std::uint64_t idle_ms) {
        Connection connection(7);
        connection.accepted.protocol = IPPROTO_UDP;
        connection.accepted.datagrams = {{std::byte{'a'}}, {}};
        connection.accepted.idle_timeout_ms = idle_ms;
        EXPECT_FALSE(channel_->send(std::move(connection.accepted)));
    };
    send(1);
    for (const std::uint64_t idle_ms : {5000u, 5000u, 0u}) send_flow(idle_ms);
    const std::vector<TakenDoor> doors = process_.receive();
    ASSERT_EQ(doors.size(), 4u);
    EXPECT_EQ(doors[0].datagrams, 0u);
    EXPECT_EQ(doors[1].datagrams, 2u);
    EXPECT_EQ(doors[1].idle_ms, 5000u);
    EXPECT_EQ(doors[2].idle_ms, 5000u);
    EXPECT_EQ(doors[3].idle_ms, 0u);
}

TEST_F(HandoffFlowsTest, AsksForEnds) {
    channel_->evict({.count = 3, .first = 7001, .last = 7002});
    process_.receive();
    ASSERT_EQ(process_.evictions.size(), 1u);
    EXPECT_EQ(process_.evictions[0].count, 3u);
    EXPECT_EQ(process_.evictions[0].last, 7002);
}

}  // namespace portier::delivery
