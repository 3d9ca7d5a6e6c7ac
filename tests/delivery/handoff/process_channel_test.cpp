#include "delivery/handoff/process_channel.hpp"

#include "delivery/handoff/dialect_case.hpp"
#include "delivery/handoff/handoff_channel.hpp"
#include "delivery/handoff/haproxy_channel.hpp"
#include "delivery/handoff/node_channel.hpp"
#include "support/wait.hpp"

namespace portier::delivery {

namespace {

// The plainest channel: it may have ten under way, and hears nothing.
class Plain final : public ProcessChannel {
public:
    explicit Plain(Setup setup) : ProcessChannel(std::move(setup)) {}

    void on_readable() override { first_is_taken(); }
    void end() override { on_dead(); }
    std::uint64_t under_way() const override { return untaken_.size(); }
    void drain() override { break_off(); }

private:
    std::uint64_t window() const override { return 10; }
    std::error_code transmit(std::uint64_t, const Accepted&) override { return error_; }

public:
    std::error_code error_;
};

class ProcessChannelTest : public DialectCase<Plain> {};

}  // namespace

// The word of the configuration decides who speaks.
TEST_F(ProcessChannelTest, EachDialectHasItsChannel) {
    const auto make = [&](const std::string& dialect) {
        return make_process_channel(
            dialect,
            {.channel = Fd(::dup(pair_.near.get())), .row_number = 1, .row = row_, .handler = "veg", .events = {}});
    };
    EXPECT_TRUE(dynamic_cast<HandoffChannel*>(make("portier").get()));
    EXPECT_TRUE(dynamic_cast<NodeChannel*>(make("node").get()));
    EXPECT_TRUE(dynamic_cast<HaproxyChannel*>(make("haproxy").get()));
}

// A process that leaves a connection untaken for a second gets no more until it takes it.
TEST_F(ProcessChannelTest, WhoTakesNothingIsPassedOver) {
    const Connection only = send(1);
    EXPECT_TRUE(channel_->has_room());
    EXPECT_TRUE(test::eventually([&] { return !channel_->has_room(); }));
    channel_->on_readable();
    EXPECT_TRUE(channel_->has_room());
}

// Whatever the kernel says against sending, the connection comes back and the process gets a pause.
TEST_F(ProcessChannelTest, WhatCannotBeSentComesBack) {
    channel_->error_ = std::make_error_code(std::errc::too_many_files_open);
    Connection connection(7);
    const auto refused = channel_->send(std::move(connection.accepted));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->remote.port, 7u);
    EXPECT_TRUE(refused->socket);
    EXPECT_TRUE(channel_->idle());
    EXPECT_FALSE(channel_->has_room());
    EXPECT_EQ(laters_, 1u);
    EXPECT_EQ(row_.sent.get(), 1u) << "its number stays used";
    channel_->retry();
    EXPECT_TRUE(channel_->has_room());
}

// Who reads no more wants no more.
TEST_F(ProcessChannelTest, AClosedEarIsStopping) {
    channel_->error_ = std::make_error_code(std::errc::broken_pipe);
    EXPECT_TRUE(channel_->send(std::move(Connection(1).accepted)));
    channel_->retry();
    EXPECT_FALSE(channel_->has_room());
    EXPECT_EQ(row_.stopping.get(), 1u);
}

// A breach is told once, and never of a process that gets no more anyway.
TEST_F(ProcessChannelTest, ABreachIsToldOnce) {
    channel_->drain();
    channel_->drain();
    EXPECT_EQ(broken_, 1u);
    EXPECT_FALSE(channel_->has_room());
}

TEST_F(ProcessChannelTest, TheDeadGiveBackInOrder) {
    std::vector<Connection> connections;
    for (std::uint16_t number = 1; number <= 3; ++number) connections.push_back(send(number));
    channel_->on_readable();
    EXPECT_TRUE(connections[0].closed());
    channel_->end();
    EXPECT_EQ(left_, (Numbers{2, 3}));
}

}  // namespace portier::delivery
