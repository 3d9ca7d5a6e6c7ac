#include "delivery/relay/outbox.hpp"

#include <boost/asio/post.hpp>

#include "delivery/relay/relay_case.hpp"

namespace portier::delivery {

namespace {

using State = RelayPair::State;

class RelayOutboxTest : public test::RelayCase {
protected:
    void put(State state, std::uint64_t number) {
        std::vector<RelayReport> reports;
        reports.push_back({this, state, nullptr, number, std::make_unique<RelayTicket>()});
        outbox_.put(std::move(reports));
    }
    // What the desk does without waiting for any alarm.
    void run_ready() {
        desk_.restart();
        desk_.poll();
    }
    bool run_until_told(std::size_t count) {
        return test::run_until(desk_, [&] { return told_.size() == count; });
    }

    boost::asio::io_context desk_{1};
    std::vector<std::uint64_t> told_;
    std::function<void()> on_told_ = [] {};
    RelayOutbox outbox_{desk_, [this](RelayReport& report) {
                            told_.push_back(report.microseconds);
                            on_told_();
                        }};
};

}  // namespace

// Ends gather, but they do come; and they come before what follows them.
TEST_F(RelayOutboxTest, EndsGather) {
    const std::uint64_t before = monotonic_microseconds();
    put(State::ended, 1);
    put(State::ended, 2);
    EXPECT_TRUE(run_until_told(2));
    const std::chrono::microseconds took(monotonic_microseconds() - before);
    EXPECT_GE(took, RelayOutbox::kGathering);
    EXPECT_EQ(told_, (std::vector<std::uint64_t>{1, 2}));
    put(State::ended, 3);
    EXPECT_TRUE(run_until_told(3)) << "after a pause as well";
}

// Who could not be connected needs another backend, and whoever waits for an end needs to know of it.
TEST_F(RelayOutboxTest, WhatIsUrgentComesAtOnceAndTakesTheOthersAlong) {
    put(State::ended, 1);
    put(State::not_connected, 2);
    run_ready();
    EXPECT_EQ(told_, (std::vector<std::uint64_t>{1, 2}));
    in_a_hurry = true;
    put(State::ended, 3);
    run_ready();
    EXPECT_EQ(told_.size(), 3u);
}

TEST_F(RelayOutboxTest, TheDeskMayAskEarlier) {
    EXPECT_FALSE(outbox_.tell_all());
    put(State::ended, 1);
    EXPECT_TRUE(outbox_.tell_all());
    EXPECT_EQ(told_.size(), 1u);
}

// Asking while being told must not let a later report overtake the rest of an earlier batch.
TEST_F(RelayOutboxTest, AskingWhileBeingToldKeepsTheOrder) {
    std::vector<RelayReport> batch;
    for (const std::uint64_t number : {1u, 2u})
        batch.push_back({this, State::ended, nullptr, number, std::make_unique<RelayTicket>()});
    outbox_.put(std::move(batch));
    on_told_ = [this] {
        if (told_.size() == 1) put(State::ended, 3);
        EXPECT_FALSE(outbox_.tell_all());
    };
    EXPECT_TRUE(run_until_told(3));
    EXPECT_EQ(told_, (std::vector<std::uint64_t>{1, 2, 3}));
}

}  // namespace portier::delivery
