// What the tests of HandoffChannel share: a channel with its process at the other end, and what it has told us.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "delivery/handoff/handoff_channel.hpp"
#include "metrics/board.hpp"
#include "support/handoff_end.hpp"

namespace portier::delivery {

using test::Connection;
using test::TakenDoor;
using Numbers = std::vector<std::uint16_t>;

class HandoffChannelCase : public testing::Test {
protected:
    void SetUp() override { open(); }

    // What a router does that takes over.
    void open() {
        channel_.reset();
        channel_ = std::make_unique<HandoffChannel>(
            ProcessChannel::Setup{.channel = process_.router_end(),
                                  .row_number = 5,
                                  .row = row_,
                                  .handler = "veg",
                                  .events = {.room = [this] { ++rooms_; },
                                             .dead = [this](std::vector<Accepted> left) { on_dead(std::move(left)); },
                                             .broken = [this] { ++broken_; },
                                             .release = [](Fd) {},
                                             .dispatched = [this](std::uint64_t us) { dispatched_.push_back(us); },
                                             .returned = [](Accepted) { FAIL() << "nobody gives one back"; },
                                             .later = [this] { ++laters_; }}});
    }

    void on_dead(std::vector<Accepted> left) {
        dead_ = true;
        for (const Accepted& accepted : left) left_.push_back(accepted.remote.port);
        channel_.reset();
    }

    void give_credit(std::uint32_t window) {
        process_.credit(window);
        channel_->on_readable();
    }

    // Sends a connection that must find its way.
    Connection send(std::uint16_t number) {
        Connection connection(number);
        EXPECT_FALSE(channel_->send(std::move(connection.accepted)));
        return connection;
    }

    test::HandoffEnd process_;
    metrics::ProcessRow row_;
    unsigned rooms_ = 0;
    unsigned broken_ = 0;
    unsigned laters_ = 0;
    bool dead_ = false;
    Numbers left_;
    std::vector<std::uint64_t> dispatched_;
    std::unique_ptr<HandoffChannel> channel_;
};

}  // namespace portier::delivery
