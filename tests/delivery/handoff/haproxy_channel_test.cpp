#include "delivery/handoff/haproxy_channel.hpp"

#include <sys/epoll.h>

#include "delivery/handoff/dialect_case.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::delivery {

namespace {

constexpr unsigned kWindow = 64;
const std::string kMessage("\0\0", 2);

class HaproxyChannelTest : public DialectCase<HaproxyChannel> {
protected:
    // A connection by TCP, where it can be seen what was done with it. Returns the client.
    Fd send_tcp(std::uint16_t number) {
        test::Pair pair = test::make_pair(listener_);
        send_accepted(number, std::move(pair.accepted));
        return std::move(pair.client);
    }

    void send_accepted(std::uint16_t number, Fd socket, std::uint16_t header_size = 0) {
        Accepted accepted;
        accepted.socket = std::move(socket);
        accepted.remote.port = number;
        accepted.header_size = header_size;
        EXPECT_FALSE(channel_->send(std::move(accepted)));
    }

    Fd listener_ = test::listen_somewhere();
};

}  // namespace

// Two zero bytes with a descriptor for each connection.
TEST_F(HaproxyChannelTest, SendsTwoZeroesWithTheDescriptor) {
    const Connection first = send(1), second = send(2);
    const Piece one = receive(), two = receive();
    EXPECT_EQ(one.text, kMessage);
    EXPECT_EQ(two.text, kMessage) << "never two at once";
    EXPECT_TRUE(one.socket);
    ASSERT_EQ(::send(second.client.get(), "x", 1, 0), 1);
    char byte = 0;
    EXPECT_EQ(::recv(two.socket.get(), &byte, 1, 0), 1);
    EXPECT_EQ(row_.sent.get(), 2u);
}

// What was read is taken, one by one, and no more than that.
TEST_F(HaproxyChannelTest, WhatWasReadIsTaken) {
    std::vector<Connection> connections;
    for (std::uint16_t number = 1; number <= 40; ++number) connections.push_back(send(number));
    channel_->on_readable();
    EXPECT_EQ(released_, 0u);
    for (unsigned count = 1; count <= 40; ++count) {
        EXPECT_TRUE(receive().socket);
        channel_->on_readable();
        EXPECT_EQ(released_, count);
        EXPECT_TRUE(connections[count - 1].closed());
        EXPECT_EQ(channel_->under_way(), 40 - count);
    }
    EXPECT_TRUE(channel_->idle());
    EXPECT_EQ(dispatched_.size(), 40u);
    EXPECT_EQ(row_.taken.get(), 40u);
}

// Each message that is read is an event of the channel, though nothing is said.
TEST_F(HaproxyChannelTest, ReadingIsAnEvent) {
    const Fd poll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{.events = channel_->watched(), .data = {}};
    ASSERT_EQ(::epoll_ctl(poll.get(), EPOLL_CTL_ADD, channel_->descriptor(), &event), 0);
    EXPECT_EQ(::epoll_wait(poll.get(), &event, 1, 0), 1) << "there is room from the beginning";
    send(1);
    send(2);
    EXPECT_EQ(::epoll_wait(poll.get(), &event, 1, 0), 0) << "sending is none";
    for (int count = 0; count < 2; ++count) {
        receive();
        EXPECT_EQ(::epoll_wait(poll.get(), &event, 1, 30'000), 1);
        EXPECT_EQ(::epoll_wait(poll.get(), &event, 1, 0), 0);
    }
}

// A program at its own limit leaves what it cannot take: it holds up few connections, and none of those that it has.
TEST_F(HaproxyChannelTest, SoManyAreUnderWay) {
    std::vector<Connection> connections;
    for (std::uint16_t number = 1; number <= kWindow; ++number) connections.push_back(send(number));
    EXPECT_FALSE(channel_->has_room());
    receive();
    channel_->on_readable();
    EXPECT_TRUE(channel_->has_room());
    EXPECT_EQ(rooms_, 1u);
    EXPECT_TRUE(connections[0].closed());
}

// It has nothing to say to us.
TEST_F(HaproxyChannelTest, WhoTalksBreaksTheContract) {
    const Connection only = send(1);
    say("hello");
    channel_->on_readable();
    EXPECT_EQ(broken_, 1u);
    EXPECT_FALSE(channel_->has_room());
    say("hello");
    channel_->on_readable();
    EXPECT_EQ(broken_, 1u);
    receive();
    channel_->on_readable();
    EXPECT_TRUE(only.closed()) << "what it takes is taken";
}

// What a dead process had not read comes back in order.
TEST_F(HaproxyChannelTest, DeadProcessGivesBack) {
    std::vector<Connection> connections;
    for (std::uint16_t number = 1; number <= 5; ++number) connections.push_back(send(number));
    receive();
    receive();
    channel_->on_readable();
    die();
    channel_->on_readable();
    EXPECT_TRUE(dead_);
    EXPECT_EQ(left_, (Numbers{3, 4, 5}));
}

// If nobody has looked between its reading and its death, the connections tell whether it has served them.
TEST_F(HaproxyChannelTest, WhatWasServedEndsWithTheProcess) {
    const Fd read = send_tcp(1), written = send_tcp(2), finished = send_tcp(3), untouched = send_tcp(4);
    const Fd silent = send_tcp(5);
    for (const Fd* client : {&read, &untouched}) test::send_all(*client, "hello");
    ::shutdown(untouched.get(), SHUT_WR);
    {
        std::vector<Piece> pieces;
        for (int count = 0; count < 5; ++count) pieces.push_back(receive());
        EXPECT_EQ(test::receive_exactly(pieces[0].socket, 2), "he");
        test::send_all(pieces[1].socket, "welcome");
        ::shutdown(pieces[2].socket.get(), SHUT_WR);
        EXPECT_EQ(test::receive_all(finished), "");
        ASSERT_TRUE(test::eventually([&] { return test::is_readable(pieces[3].socket); }));
    }
    die();
    channel_->on_readable();
    EXPECT_TRUE(dead_);
    EXPECT_EQ(left_, (Numbers{4, 5}));
    EXPECT_EQ(released_, 3u);
}

// A PROXY header that we have taken out ourselves is no use of the connection.
TEST_F(HaproxyChannelTest, AHeaderThatWeHaveReadDoesNotCount) {
    test::Pair pair = test::make_pair(listener_);
    test::send_all(pair.client, "PROXY UNKNOWN\r\nhello");
    EXPECT_EQ(test::receive_exactly(pair.accepted, 15), "PROXY UNKNOWN\r\n");
    send_accepted(9, std::move(pair.accepted), 15);
    die();
    channel_->on_readable();
    EXPECT_EQ(left_, (Numbers{9}));
}

// Told by the keeper while a child keeps the channel open.
TEST_F(HaproxyChannelTest, EndIsTheEnd) {
    const Connection first = send(1), second = send(2);
    receive();
    channel_->end();
    EXPECT_TRUE(dead_);
    EXPECT_EQ(left_, (Numbers{2}));
    EXPECT_EQ(released_, 1u);
}

// It is told by a signal; here it only gets no more, and what it has read meanwhile is taken.
TEST_F(HaproxyChannelTest, DrainSendsNothing) {
    const Connection only = send(1);
    channel_->drain();
    EXPECT_FALSE(channel_->has_room());
    EXPECT_TRUE(receive().socket);
    EXPECT_TRUE(receive().text.empty());
    EXPECT_FALSE(ended_);
    channel_->on_readable();
    EXPECT_TRUE(only.closed());
    die();
    channel_->on_readable();
    EXPECT_TRUE(dead_);
    EXPECT_TRUE(left_.empty());
    EXPECT_EQ(broken_, 0u);
}

// When the kernel's queue to the process is full the connection comes back.
TEST_F(HaproxyChannelTest, FullQueueGivesTheConnectionBack) {
    shrink_queue();
    std::vector<Connection> connections;
    std::optional<Accepted> refused;
    while (!refused && channel_->has_room()) {
        connections.emplace_back(static_cast<std::uint16_t>(connections.size() + 1));
        refused = channel_->send(std::move(connections.back().accepted));
    }
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->remote.port, connections.size());
    EXPECT_FALSE(channel_->has_room());
    channel_->retry();
    EXPECT_FALSE(channel_->has_room()) << "the process has read nothing";
    while (receive().socket) {
    }
    channel_->on_readable();
    EXPECT_TRUE(channel_->idle());
    EXPECT_TRUE(channel_->has_room());
}

// What a router before us had sent is read first, and then everything is as before.
TEST_F(HaproxyChannelTest, NextRouterSeesTheQueue) {
    const Connection first = send(1), second = send(2);
    open();
    EXPECT_EQ(channel_->under_way(), 2u);
    EXPECT_FALSE(channel_->has_room());
    receive();
    channel_->on_readable();
    EXPECT_FALSE(channel_->has_room());
    receive();
    channel_->on_readable();
    EXPECT_TRUE(channel_->has_room());
    EXPECT_TRUE(dispatched_.empty()) << "of these this router knows no time";
    const Connection mine = send(3);
    receive();
    channel_->on_readable();
    EXPECT_TRUE(mine.closed());
    EXPECT_EQ(row_.taken.get(), 3u);
}

// A death between two routers is noticed by the second one.
TEST_F(HaproxyChannelTest, NextRouterNoticesADeadProcess) {
    send(1);
    channel_.reset();
    die();
    open();
    channel_->on_readable();
    EXPECT_TRUE(dead_);
    EXPECT_TRUE(left_.empty());
}

}  // namespace portier::delivery
