// What the tests of the foreign dialects share: a stream channel with a program at the other end, and what the channel
// has told us.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "delivery/handoff/process_channel.hpp"
#include "metrics/board.hpp"
#include "net/stream_channel.hpp"
#include "support/handoff_end.hpp"

namespace portier::delivery {

using test::Connection;
using Numbers = std::vector<std::uint16_t>;

// A piece of the stream, with the descriptor that came along.
struct Piece {
    std::string text;
    Fd socket;
};

template <typename Channel>
class DialectCase : public testing::Test {
protected:
    void SetUp() override { open(); }

    // What a router does that takes over.
    void open() {
        channel_.reset();
        channel_ = std::make_unique<Channel>(ProcessChannel::Setup{
            .channel = Fd(::dup(pair_.near.get())),
            .row_number = 5,
            .row = row_,
            .handler = handler_,
            .events = {.room = [this] { ++rooms_; },
                       .dead = [this](std::vector<Accepted> left) { on_dead(std::move(left)); },
                       .broken = [this] { ++broken_; },
                       .release = [this](Fd) { ++released_; },
                       .dispatched = [this](std::uint64_t us) { dispatched_.push_back(us); },
                       .returned = [this](Accepted accepted) { returned_.push_back(accepted.remote.port); },
                       .later = [this] { ++laters_; }}});
    }

    // Sends a connection that must find its way.
    Connection send(std::uint16_t number) {
        Connection connection(number);
        EXPECT_TRUE(channel_->has_room());
        EXPECT_FALSE(channel_->send(std::move(connection.accepted)));
        return connection;
    }

    void say(const std::string& text) {
        ASSERT_EQ(::send(pair_.far.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }

    // The next piece; without text: nothing waits, or (ended_) nothing will come.
    Piece receive() {
        net::Received received = net::receive_message(pair_.far.get(), buffer_);
        ended_ |= received.error == std::errc::broken_pipe;
        if (received.error) return {};
        EXPECT_LE(received.descriptors.size(), 1u);
        return {std::string(reinterpret_cast<const char*>(buffer_.data()), received.size),
                received.descriptors.empty() ? Fd() : std::move(received.descriptors.front())};
    }

    // The process ends.
    void die() { pair_.far.reset(); }

    // The smallest queue that the kernel allows: a few messages.
    void shrink_queue() {
        const int smallest = 1;
        EXPECT_EQ(::setsockopt(pair_.near.get(), SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest), 0);
    }

    void on_dead(std::vector<Accepted> left) {
        dead_ = true;
        for (const Accepted& accepted : left) left_.push_back(accepted.remote.port);
        channel_.reset();
    }

    net::ChannelPair pair_ = net::make_stream_channel();
    metrics::ProcessRow row_;
    std::string handler_ = "veg";
    unsigned rooms_ = 0, broken_ = 0, released_ = 0, laters_ = 0;
    bool dead_ = false, ended_ = false;
    Numbers left_, returned_;
    std::vector<std::uint64_t> dispatched_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(net::kMaxMessage);
    std::unique_ptr<Channel> channel_;
};

}  // namespace portier::delivery
