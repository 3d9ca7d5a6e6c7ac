#include "delivery/handoff/node_channel.hpp"

#include "delivery/handoff/dialect_case.hpp"
#include "support/random.hpp"
#include "support/wait.hpp"

namespace portier::delivery {

namespace {

const std::string kAck = "{\"cmd\":\"NODE_HANDLE_ACK\"}\n";
const std::string kNack = "{\"cmd\":\"NODE_HANDLE_NACK\"}\n";
constexpr unsigned kWindow = 16;

class NodeChannelTest : public DialectCase<NodeChannel> {
protected:
    void hear(const std::string& text) {
        say(text);
        channel_->on_readable();
    }
};

}  // namespace

// One line with its descriptor for each connection; the ends are told as node names them.
TEST_F(NodeChannelTest, SendsALineWithTheDescriptor) {
    const Connection first = send(11), second = send(12);
    const Piece one = receive(), two = receive();
    EXPECT_EQ(one.text, R"({"cmd":"NODE_HANDLE","type":"net.Socket","msg":{"handler":"veg","localAddress":"127.0.0.1",)"
                        R"("localPort":7001,"remoteAddress":"10.0.0.1","remotePort":11},"key":""})"
                        "\n");
    EXPECT_NE(two.text.find("\"remotePort\":12}"), std::string::npos);
    ASSERT_EQ(::send(second.client.get(), "x", 1, 0), 1);
    char byte = 0;
    EXPECT_EQ(::recv(two.socket.get(), &byte, 1, 0), 1);
    EXPECT_EQ(row_.sent.get(), 2u);
}

// Answers come in order, one for each; only then our copy is closed.
TEST_F(NodeChannelTest, AnAnswerReleasesTheFirst) {
    const Connection first = send(1), second = send(2);
    receive();
    receive();
    EXPECT_FALSE(first.closed());
    hear(kAck);
    EXPECT_TRUE(first.closed());
    EXPECT_FALSE(second.closed());
    EXPECT_EQ(channel_->under_way(), 1u);
    EXPECT_EQ(rooms_, 1u);
    hear(kAck);
    EXPECT_TRUE(second.closed());
    EXPECT_TRUE(channel_->idle());
    EXPECT_EQ(dispatched_.size(), 2u);
    EXPECT_EQ(row_.taken.get(), 2u);
}

// A script that does not get to its messages holds up few connections.
TEST_F(NodeChannelTest, SoManyAreUnderWay) {
    std::vector<Connection> connections;
    for (std::uint16_t number = 1; number <= kWindow; ++number) connections.push_back(send(number));
    EXPECT_FALSE(channel_->has_room());
    hear(kAck);
    EXPECT_TRUE(channel_->has_room());
}

// However the stream is cut into pieces, the answers are the same.
TEST_F(NodeChannelTest, LinesComeInAnyPieces) {
    test::Random random;
    const std::string own = R"({"hello":"world","cmd":"mine"})"
                            "\n"
                            R"("ready")"
                            "\n42\nnull\n[1]\n";
    for (int round = 0; round < 50; ++round) {
        const Connection first = send(1), second = send(2);
        const std::string said = own + kAck + own + kAck + own;
        for (std::size_t at = 0; at < said.size();) {
            const std::size_t size = std::min<std::size_t>(random.between(1, 40), said.size() - at);
            hear(said.substr(at, size));
            at += size;
        }
        EXPECT_TRUE(channel_->idle());
        while (!receive().text.empty()) {
        }
    }
    EXPECT_EQ(released_, 100u);
    EXPECT_EQ(broken_, 0u);
}

// A process without a descriptor left says so: the connection goes to another one, and it gets a pause.
TEST_F(NodeChannelTest, WhatDidNotArriveComesBack) {
    const Connection first = send(1), second = send(2);
    hear(kNack);
    EXPECT_EQ(returned_, (Numbers{1}));
    EXPECT_EQ(released_, 0u);
    EXPECT_FALSE(channel_->has_room());
    EXPECT_GT(laters_, 0u);
    hear(kAck);
    EXPECT_EQ(released_, 1u);
    EXPECT_TRUE(channel_->has_room());
}

TEST_F(NodeChannelTest, ThePauseEndsWithAnotherLook) {
    const Connection only = send(1);
    receive();
    hear(kNack);
    EXPECT_FALSE(channel_->has_room());
    channel_->retry();
    EXPECT_TRUE(channel_->has_room());
}

// An answer to nothing is nobody's.
TEST_F(NodeChannelTest, SurplusAnswersAreIgnored) {
    hear(kAck + kNack + kAck);
    const Connection only = send(1);
    EXPECT_EQ(channel_->under_way(), 1u);
    hear(kAck);
    EXPECT_EQ(released_, 1u);
    EXPECT_EQ(row_.taken.get(), 1u);
    EXPECT_EQ(broken_, 0u);
}

// Who does not speak JSON gets no more, but what it takes is taken.
TEST_F(NodeChannelTest, GarbageBreaksTheContract) {
    const Connection only = send(1);
    hear("HTTP/1.1 400 Bad Request\r\n\r\n");
    EXPECT_EQ(broken_, 1u);
    EXPECT_FALSE(channel_->has_room());
    hear("more\n" + kAck);
    EXPECT_EQ(broken_, 1u) << "once is enough";
    EXPECT_EQ(released_, 1u);
}

// A line without an end is not kept for ever.
TEST_F(NodeChannelTest, AHugeLineBreaksTheContract) {
    const std::string piece(32 * 1024, 'x');
    hear("\"");
    for (int count = 0; count < 32; ++count) {
        EXPECT_EQ(broken_, 0u);
        hear(piece);
    }
    EXPECT_EQ(broken_, 1u);
}

// A process that never stops talking does not keep the desk.
TEST_F(NodeChannelTest, ReadsSoMuchInOneTurn) {
    const int large = 1 << 20;
    ::setsockopt(pair_.far.get(), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    const Connection only = send(1);
    std::string chatter;
    while (chatter.size() < 100'000) chatter += "\"tell me more\"\n";
    hear(chatter + kAck);
    EXPECT_EQ(released_, 0u);
    channel_->on_readable();
    EXPECT_EQ(released_, 1u);
}

// What a dead process had not answered comes back in order.
TEST_F(NodeChannelTest, DeadProcessGivesBack) {
    std::vector<Connection> connections;
    for (std::uint16_t number = 1; number <= 4; ++number) connections.push_back(send(number));
    receive();
    receive();
    say(kAck);
    die();  // with unread lines, so the kernel reports a reset before the end
    channel_->on_readable();
    EXPECT_TRUE(dead_);
    EXPECT_EQ(left_, (Numbers{2, 3, 4}));
    EXPECT_TRUE(connections[0].closed());
}

// Told by the keeper while a child keeps the channel open.
TEST_F(NodeChannelTest, EndIsTheEnd) {
    const Connection first = send(1), second = send(2);
    say(kAck);
    channel_->end();
    EXPECT_TRUE(dead_);
    EXPECT_EQ(left_, (Numbers{2}));
}

// No more will come: the process reads an end of file after what is under way, and is still heard.
TEST_F(NodeChannelTest, DrainIsTheEndOfTheStream) {
    const Connection only = send(1);
    channel_->drain();
    EXPECT_FALSE(channel_->has_room());
    EXPECT_TRUE(receive().socket);
    EXPECT_TRUE(receive().text.empty());
    EXPECT_TRUE(ended_);
    hear(kAck);
    EXPECT_TRUE(only.closed());
    EXPECT_FALSE(dead_);
    die();
    channel_->on_readable();
    EXPECT_TRUE(dead_);
    EXPECT_EQ(broken_, 0u);
}

// When the kernel's queue to the process is full the connection comes back.
TEST_F(NodeChannelTest, FullQueueGivesTheConnectionBack) {
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
    while (receive().socket) say(kAck);
    channel_->on_readable();
    EXPECT_TRUE(channel_->idle());
    EXPECT_TRUE(channel_->has_room());
    EXPECT_EQ(row_.taken.get(), row_.sent.get()) << "no answer will come for what was refused";
}

// A line that the queue has room for only in part is completed before anything else is said.
TEST_F(NodeChannelTest, ALineIsCompletedLater) {
    handler_ = std::string(20'000, 'v');
    open();
    shrink_queue();
    const Connection only = send(1);
    EXPECT_FALSE(channel_->has_room()) << "the next descriptor must not overtake the end of this line";
    channel_->drain();
    std::string line;
    unsigned sockets = 0;
    for (;;) {
        for (Piece piece = receive(); !piece.text.empty(); piece = receive()) {
            line += piece.text;
            sockets += piece.socket ? 1 : 0;
        }
        if (ended_) break;
        ASSERT_GT(std::exchange(laters_, 0), 0u) << "somebody has to call again";
        channel_->retry();
    }
    EXPECT_EQ(sockets, 1u);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_NE(line.find(handler_), std::string::npos);
}

// Answers to a router before us come first, and until then nothing is sent whose answer could be mistaken for them.
TEST_F(NodeChannelTest, NextRouterWaitsForTheOldAnswers) {
    send(1);
    send(2);
    open();
    EXPECT_EQ(channel_->under_way(), 2u);
    EXPECT_FALSE(channel_->has_room());
    receive();
    receive();
    hear(kAck);
    EXPECT_FALSE(channel_->has_room());
    hear(kAck);
    EXPECT_TRUE(channel_->has_room());
    EXPECT_TRUE(dispatched_.empty()) << "of the others this router knows no time";
    const Connection third = send(3);
    hear(kAck);
    EXPECT_EQ(released_, 1u);
}

// The router before us died before it had sent what it counted: no answer will come, and nobody waits for ever.
TEST_F(NodeChannelTest, NextRouterDoesNotWaitForEver) {
    row_.sent.set(7);
    row_.taken.set(6);
    open();
    EXPECT_FALSE(channel_->has_room());
    EXPECT_EQ(laters_, 1u);
    ASSERT_TRUE(test::eventually([&] {
        channel_->retry();
        return channel_->has_room();
    }));
    EXPECT_EQ(row_.taken.get(), 7u);
    const Connection only = send(1);
    hear(kAck);
    EXPECT_EQ(released_, 1u);
}

// A process that has not read is waited for: it will answer.
TEST_F(NodeChannelTest, NextRouterWaitsWhileNothingIsRead) {
    send(1);
    open();
    for (int count = 0; count < 1100; ++count) {
        channel_->retry();
        ASSERT_FALSE(channel_->has_room());
        ::poll(nullptr, 0, 1);
    }
    EXPECT_TRUE(receive().socket);
    hear(kAck);
    EXPECT_TRUE(channel_->has_room());
}

}  // namespace portier::delivery
