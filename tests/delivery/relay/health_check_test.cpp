#include "delivery/relay/health_check.hpp"

#include <gtest/gtest.h>

#include "delivery/relay/full_epoll.hpp"
#include "support/free_port.hpp"
#include "support/wait.hpp"

namespace portier::delivery {

namespace {

class HealthCheckTest : public testing::Test {
protected:
    HealthCheck check(std::uint16_t port) {
        return {io_, net::destination(net::Endpoint{test::kLoopback, port}),
                [this](bool passed) { ++(passed ? passed_ : failed_); }};
    }

    boost::asio::io_context io_{1};
    unsigned passed_ = 0, failed_ = 0;
    const HealthPlan plan_{.interval_ms = 10, .timeout_ms = 20'000, .rise = 1, .fall = 1};
};

}  // namespace

TEST_F(HealthCheckTest, ConnectsAgainAndAgain) {
    const Fd listener = test::listen_somewhere();
    auto running = check(test::port_of(listener));
    running.update(plan_, std::nullopt);
    EXPECT_TRUE(test::run_until(io_, [&] { return passed_ == 3; }));
    EXPECT_EQ(failed_, 0u);
    const Fd accepted = test::accept_from(listener);
    EXPECT_EQ(test::receive_all(accepted), "") << "it says nothing and leaves";
}

TEST_F(HealthCheckTest, FindsThatNobodyIsThere) {
    auto running = check(test::free_ports());
    running.update(plan_, std::nullopt);
    EXPECT_TRUE(test::run_until(io_, [&] { return failed_ == 3; }));
    EXPECT_EQ(passed_, 0u);
}

// A reload that asks for more checks need not wait for the next of the old ones.
TEST_F(HealthCheckTest, AShorterIntervalCountsAtOnce) {
    const Fd listener = test::listen_somewhere();
    auto running = check(test::port_of(listener));
    running.update({.interval_ms = 3'600'000, .timeout_ms = 20'000, .rise = 1, .fall = 1}, std::nullopt);
    ASSERT_TRUE(test::run_until(io_, [&] { return passed_ == 1; }));
    running.update(plan_, std::nullopt);
    EXPECT_TRUE(test::run_until(io_, [&] { return passed_ == 3; }));
}

// A listener with a full queue drops what asks to connect.
TEST_F(HealthCheckTest, WhoDoesNotAnswerFails) {
    const Fd listener = test::listen_somewhere(0);
    std::vector<Fd> fillers;
    for (int i = 0; i < 4; ++i)
        fillers.push_back(net::begin_connect(net::destination(net::local_endpoint(listener.get()))).socket);
    auto running = check(test::port_of(listener));
    running.update({.interval_ms = 10, .timeout_ms = 30, .rise = 1, .fall = 1}, std::nullopt);
    EXPECT_TRUE(test::run_until(io_, [&] { return failed_ == 2; }));
}

// What cannot be waited for says nothing about the backend.
TEST_F(HealthCheckTest, WithoutRoomInEpollNobodyIsJudged) {
    const Fd listener = test::listen_somewhere();
    auto running = check(test::port_of(listener));
    running.update(plan_, std::nullopt);
    {
        const test::FullEpoll full;
        EXPECT_TRUE(test::run_until(io_, [&] { return full.refused() == 3; }));
        EXPECT_EQ(passed_ + failed_, 0u);
    }
    EXPECT_TRUE(test::run_until(io_, [&] { return passed_ == 1; }));
}

// Going away in the middle of a check is silent.
TEST_F(HealthCheckTest, NobodyIsToldAfterItsEnd) {
    const Fd listener = test::listen_somewhere();
    {
        auto running = check(test::port_of(listener));
        running.update(plan_, std::nullopt);
        test::run_ready(io_);
    }
    const unsigned before = passed_ + failed_;
    test::run_ready(io_);
    EXPECT_EQ(passed_ + failed_, before);
}

}  // namespace portier::delivery
