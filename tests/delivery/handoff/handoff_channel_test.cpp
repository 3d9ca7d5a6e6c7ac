#include "delivery/handoff/handoff_channel.hpp"

#include "delivery/handoff/handoff_channel_case.hpp"
#include "support/random.hpp"
#include "support/wait.hpp"

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
    process_.shrink_queue();
    give_credit(100'000);
    std::vector<Connection> connections;
    std::optional<Accepted> refused;
    std::uint16_t number = 0;
    while (!refused && channel_->has_room()) {
        connections.emplace_back(++number);
        refused = channel_->send(std::move(connections.back().accepted));
    }
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->remote.port, number);
    EXPECT_FALSE(channel_->has_room());
    channel_->retry();
    EXPECT_FALSE(channel_->has_room()) << "the process has read nothing";
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

// A stuck process holds up few connections, however many it says it can hold, and after a second it gets no more until
// it takes one.
TEST_F(HandoffChannelTest, StuckProcessHoldsUpFew) {
    give_credit(100'000);
    std::vector<Connection> connections;
    for (std::uint16_t number = 1; channel_->has_room(); ++number) connections.push_back(send(number));
    EXPECT_EQ(connections.size(), 256u);
    process_.receive();
    process_.taken(255);
    channel_->on_readable();
    EXPECT_TRUE(channel_->has_room());
    ASSERT_TRUE(test::eventually([&] { return !channel_->has_room(); })) << "one was not taken for a second";
    process_.taken(256);
    channel_->on_readable();
    EXPECT_TRUE(channel_->has_room());
}

// A message without a byte breaks the contract and is not the end; the channel says so once.
TEST_F(HandoffChannelTest, EmptyMessageIsNotTheEnd) {
    give_credit(10);
    send(1);
    process_.say({});
    process_.say({});
    channel_->on_readable();
    EXPECT_FALSE(dead_);
    EXPECT_EQ(broken_, 1u);
    EXPECT_FALSE(channel_->has_room());
}

// A process that reads no more gets no more.
TEST_F(HandoffChannelTest, ProcessThatReadsNoMoreGetsNoMore) {
    give_credit(10);
    process_.stop_reading();
    Connection connection(1);
    EXPECT_TRUE(channel_->send(std::move(connection.accepted)));
    channel_->retry();
    EXPECT_FALSE(channel_->has_room());
}

// The keeper knows of an end that the channel does not show: what the process said last still counts.
TEST_F(HandoffChannelTest, EndsWithoutAnEndOfFile) {
    give_credit(10);
    send(1);
    send(2);
    process_.taken(1);
    channel_->end();
    EXPECT_TRUE(dead_);
    EXPECT_EQ(left_, Numbers{2});
}

// *drain* that found the queue full is said when there is room again.
TEST_F(HandoffChannelTest, DrainsOnceThereIsRoom) {
    process_.shrink_queue();
    give_credit(100);
    std::vector<Connection> connections;
    bool full = false;
    for (std::uint16_t number = 1; !full; ++number) {
        connections.emplace_back(number);
        full = channel_->send(std::move(connections.back().accepted)).has_value();
    }
    channel_->drain();
    const auto doors = process_.receive();
    EXPECT_FALSE(process_.drained());
    process_.taken(doors.back().id);
    channel_->on_readable();
    EXPECT_TRUE(process_.drained());
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
    for (int round = 0; round < 300; ++round) {
        process_ = test::HandoffEnd();
        row_.sent.set(0);
        row_.taken.set(0);
        row_.stopping.set(0);
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
    EXPECT_EQ(broken_, 300u) << "each time it is told once";
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
