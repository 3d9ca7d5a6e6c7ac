#include "delivery/handoff_channel.hpp"

#include "delivery/handoff_channel_case.hpp"
#include "support/log_capture.hpp"
#include "support/random.hpp"

namespace portier::delivery {

namespace {

class HandoffChannelTest : public HandoffChannelCase {};

}  // namespace

// Nothing is sent before the first credit, then as many as it says, then again as many as were taken.
TEST_F(HandoffChannelTest, RespectsCredit) {
    EXPECT_FALSE(channel_->has_room());
    give_credit(2);
    EXPECT_EQ(rooms_, 1u);
    send(1);
    EXPECT_TRUE(channel_->has_room());
    send(2);
    EXPECT_FALSE(channel_->has_room());
    EXPECT_EQ(channel_->under_way(), 2u);

    process_.taken(1);
    channel_->on_readable();
    EXPECT_TRUE(channel_->has_room());
    EXPECT_EQ(channel_->under_way(), 1u);
    EXPECT_EQ(rooms_, 2u);
    give_credit(1);
    EXPECT_FALSE(channel_->has_room()) << "a smaller window counts from now on";
    give_credit(0);
    process_.taken(2);
    channel_->on_readable();
    EXPECT_FALSE(channel_->has_room());
    EXPECT_TRUE(channel_->idle());
}

// A door says who it is, with an id that grows by one, and its descriptor is the connection.
TEST_F(HandoffChannelTest, SendsDoors) {
    give_credit(10);
    const Connection first = send(11), second = send(12);
    const std::vector<TakenDoor> doors = process_.receive();
    ASSERT_EQ(doors.size(), 2u);
    EXPECT_EQ(doors[0].id, 1u);
    EXPECT_EQ(doors[1].id, 2u);
    EXPECT_EQ(net::to_string(doors[0].remote), "10.0.0.1:11");
    EXPECT_EQ(net::to_string(doors[0].local), "127.0.0.1:7001");
    ASSERT_EQ(::send(second.client.get(), "x", 1, 0), 1);
    char byte = 0;
    EXPECT_EQ(::recv(doors[1].socket.get(), &byte, 1, 0), 1);
    EXPECT_EQ(row_.sent.get(), 2u);
}

// Our copy of a connection is closed when it was taken and not before; one *taken* covers all before it.
TEST_F(HandoffChannelTest, TakenReleasesCopies) {
    give_credit(10);
    const Connection first = send(1), second = send(2), third = send(3);
    process_.receive();  // and closes them at once
    EXPECT_FALSE(first.closed());
    process_.taken(2);
    channel_->on_readable();
    EXPECT_TRUE(first.closed());
    EXPECT_TRUE(second.closed());
    EXPECT_FALSE(third.closed());
    EXPECT_EQ(row_.taken.get(), 2u);
    EXPECT_EQ(dispatched_.size(), 2u);
    for (const std::uint64_t microseconds : dispatched_) EXPECT_LT(microseconds, 60'000'000u);
    process_.taken(2);  // again: no news
    channel_->on_readable();
    EXPECT_EQ(dispatched_.size(), 2u);
}

// What a dead process had not taken comes back in order; what it had taken does not, even if it said so with its last
// breath.
TEST_F(HandoffChannelTest, DeadProcessGivesBackWhatItHadNotTaken) {
    give_credit(10);
    std::vector<Connection> connections;
    for (std::uint16_t number = 1; number <= 5; ++number) connections.push_back(send(number));
    process_.taken(2);
    process_.die();  // with unread doors, so the kernel reports a reset before the end
    channel_->on_readable();
    EXPECT_TRUE(dead_);
    EXPECT_EQ(left_, (Numbers{3, 4, 5}));
    EXPECT_TRUE(connections[0].closed());
}

// A process that ends with nothing under way gives back nothing.
TEST_F(HandoffChannelTest, DeadProcessWithEmptyHands) {
    give_credit(10);
    send(1);
    process_.receive();
    process_.taken(1);
    process_.die();
    channel_->on_readable();
    EXPECT_TRUE(dead_);
    EXPECT_TRUE(left_.empty());
}

// When the kernel's queue to the process is full the connection comes back, and the channel has no room until a try.
TEST_F(HandoffChannelTest, FullQueueGivesTheConnectionBack) {
    give_credit(100'000);
    std::vector<Connection> connections;
    std::optional<Accepted> refused;
    std::uint16_t number = 0;
    while (!refused && number < 60'000) {
        connections.emplace_back(++number);
        refused = channel_->send(std::move(connections.back().accepted));
        if (number % 100 == 0) connections.clear();
    }
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->remote.port, number);
    EXPECT_FALSE(channel_->has_room());
    const auto arrived = process_.receive();
    EXPECT_EQ(arrived.size(), number - 1u);
    channel_->retry();
    EXPECT_TRUE(channel_->has_room());
    EXPECT_FALSE(channel_->send(std::move(*refused)));
    const auto late = process_.receive();
    ASSERT_EQ(late.size(), 1u);
    EXPECT_GT(late[0].id, arrived.back().id) << "ids grow, also over a refusal";
}

// *stopping* ends the flow of doors, and what is under way is still taken or given back.
TEST_F(HandoffChannelTest, StoppingIsRespected) {
    give_credit(10);
    send(1);
    send(2);
    process_.stopping();
    channel_->on_readable();
    EXPECT_FALSE(channel_->has_room());
    give_credit(20);
    EXPECT_FALSE(channel_->has_room());
    process_.taken(1);
    process_.die();
    channel_->on_readable();
    EXPECT_EQ(left_, Numbers{2});
}

// *drain* reaches the process behind the doors before it, and then nothing more is sent.
TEST_F(HandoffChannelTest, Drains) {
    give_credit(10);
    send(1);
    channel_->drain();
    EXPECT_FALSE(channel_->has_room());
    EXPECT_EQ(test::numbers(process_.receive()), Numbers{1});
    EXPECT_TRUE(process_.drained());
    process_.taken(1);
    channel_->on_readable();
    EXPECT_TRUE(channel_->idle());
    EXPECT_FALSE(dead_);
}

// A process may say more than it has received; it is not believed beyond what was sent.
TEST_F(HandoffChannelTest, ImpossibleTakenIsNotBelieved) {
    give_credit(2);
    send(1);
    process_.taken(~std::uint64_t{0});
    channel_->on_readable();
    EXPECT_LE(row_.taken.get(), row_.sent.get());
    send(2);
    EXPECT_LE(channel_->under_way(), 2u);
}

// A process that does not speak the contract gets no more connections and harms nobody: whatever it says, with or
// without descriptors, its untaken connections come back at its end.
TEST_F(HandoffChannelTest, GarbageEndsTheFlowOfDoors) {
    test::Random random;
    const test::LogCapture log;
    for (int round = 0; round < 300; ++round) {
        process_ = test::HandoffEnd();
        row_.sent.set(0);
        row_.taken.set(0);
        dead_ = false;
        left_.clear();
        open();
        give_credit(10);
        send(1);
        std::vector<std::byte> garbage(random.between(1, 600));
        for (std::byte& byte : garbage) byte = static_cast<std::byte>(random());
        garbage[0] = std::byte{9};  // no version that there is
        process_.say(garbage);
        channel_->on_readable();
        ASSERT_FALSE(channel_->has_room());
        process_.die();
        channel_->on_readable();
        ASSERT_TRUE(dead_);
        ASSERT_EQ(left_, Numbers{1});
    }
    EXPECT_FALSE(log.lines_with("not part of the contract").empty());
    EXPECT_LT(log.lines().size(), 100u) << "and the log is not flooded";
}

// A process that talks without end does not keep the desk: after some messages others get their turn.
TEST_F(HandoffChannelTest, ReadsWithinABudget) {
    for (int i = 0; i < 100; ++i) process_.credit(5);
    process_.credit(7);
    channel_->on_readable();
    EXPECT_EQ(row_.credit.get(), 5u);
    channel_->on_readable();
    EXPECT_EQ(row_.credit.get(), 7u);
}

// Messages that only the router may send are no words for a process.
TEST_F(HandoffChannelTest, RoutersWordsFromAProcessEndTheFlow) {
    give_credit(10);
    std::vector<std::byte> drain;
    net::encode_header(drain, net::HandoffType::drain);
    process_.say(drain);
    channel_->on_readable();
    EXPECT_FALSE(channel_->has_room());
}

}  // namespace portier::delivery
