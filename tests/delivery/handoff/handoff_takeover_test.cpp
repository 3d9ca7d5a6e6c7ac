// A handoff channel in the hands of the next router: what the board and the kernel's queue tell it.
#include "delivery/handoff/handoff_channel_case.hpp"

namespace portier::delivery {

namespace {

class HandoffTakeoverTest : public HandoffChannelCase {};

}  // namespace

// A router that takes over goes on with the ids and stays within the credit, of which the unread doors use a part.
TEST_F(HandoffTakeoverTest, NextRouterGoesOn) {
    give_credit(4);
    for (std::uint16_t number = 1; number <= 3; ++number) send(number);
    open();
    EXPECT_EQ(channel_->under_way(), 3u);
    EXPECT_TRUE(channel_->has_room());
    send(4);
    EXPECT_FALSE(channel_->has_room());

    const auto doors = process_.receive();
    EXPECT_EQ(test::numbers(doors), (Numbers{1, 2, 3, 4}));
    EXPECT_EQ(doors.back().id, 4u);
    process_.taken(4);
    channel_->on_readable();
    EXPECT_EQ(channel_->under_way(), 0u);
    EXPECT_TRUE(channel_->has_room());
    EXPECT_EQ(dispatched_.size(), 1u) << "of the others this router knows no time";
}

// If the process has received everything before the takeover, nothing is under way, though nobody has heard *taken*.
TEST_F(HandoffTakeoverTest, NextRouterSeesAnEmptyQueue) {
    give_credit(3);
    for (std::uint16_t number = 1; number <= 3; ++number) send(number);
    process_.receive();
    open();
    EXPECT_EQ(channel_->under_way(), 0u);
    EXPECT_EQ(row_.taken.get(), 3u);
    EXPECT_TRUE(channel_->has_room());
    process_.taken(3);  // said to the router before
    channel_->on_readable();
    EXPECT_EQ(row_.taken.get(), 3u);
}

// A death between two routers is noticed by the second one.
TEST_F(HandoffTakeoverTest, NextRouterNoticesADeadProcess) {
    give_credit(3);
    send(1);
    channel_.reset();
    process_.die();
    open();
    channel_->on_readable();
    EXPECT_TRUE(dead_);
    EXPECT_TRUE(left_.empty());
}

// A process that wanted no more wants no more from the next router either.
TEST_F(HandoffTakeoverTest, NextRouterRespectsStopping) {
    give_credit(3);
    process_.stopping();
    channel_->on_readable();
    open();
    EXPECT_FALSE(channel_->has_room());
}

// Ids that the kernel refused to the first router are not held against the process for ever.
TEST_F(HandoffTakeoverTest, NextRouterForgetsWhatWasRefused) {
    process_.shrink_queue();
    give_credit(10);
    std::vector<Connection> connections;
    while (channel_->has_room()) {
        connections.emplace_back(static_cast<std::uint16_t>(connections.size() + 1));
        channel_->send(std::move(connections.back().accepted));
    }
    open();
    const auto doors = process_.receive();
    ASSERT_LT(doors.size(), connections.size());
    process_.taken(doors.back().id);
    channel_->on_readable();
    EXPECT_EQ(channel_->under_way(), 0u);
}

}  // namespace portier::delivery
