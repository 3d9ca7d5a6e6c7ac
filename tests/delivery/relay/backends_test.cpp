#include "delivery/relay/backends.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "delivery/plan.hpp"
#include "support/log_capture.hpp"

namespace portier::delivery {

namespace {

using metrics::BackendFailed;
const net::Address kSomebody{4, {10, 0, 0, 1}};

class BackendsTest : public testing::Test {
protected:
    BackendsTest() { plan_.fail_timeout_ms = 1000; }

    BackendPlan& add(std::uint32_t row) {
        plan_.backends.push_back({.row = row, .name = std::to_string(row), .address = "127.0.0.1", .port = 1});
        return plan_.backends.back();
    }
    void apply(const std::string& balance = "round-robin") { backends_.update(plan_, balance); }

    // The row that was chosen, with a connection that begins; 0: nobody, -1: nobody yet.
    int next(std::vector<std::uint32_t> tried = {}) {
        const auto choice = backends_.choose(kSomebody, tried, now_);
        if (!choice.backend) return choice.worth_waiting ? -1 : 0;
        backends_.begin(*choice.backend, now_);
        return static_cast<int>(choice.backend->row);
    }
    Backend& at(std::size_t index) { return *backends_.all()[index]; }
    void fail(std::size_t index) {
        backends_.failed(at(index), BackendFailed::refused, now_);
        backends_.ended(at(index));
    }

    test::LogCapture quiet_;
    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    RelayPlan plan_;
    Backends backends_{*board_};
    std::uint64_t now_ = 5000;
};

}  // namespace

TEST_F(BackendsTest, TakesTurnsByWeight) {
    add(1).weight = 5;
    add(2);
    add(3);
    apply();
    std::string order;
    for (int i = 0; i < 14; ++i) order += std::to_string(next());
    EXPECT_EQ(order, "11213111121311");
}

TEST_F(BackendsTest, AFullOneIsPassedOverAndWhenAllAreFullItIsWorthWaiting) {
    add(1).max_connections = 1;
    add(2).max_connections = 2;
    apply();
    std::map<int, int> counts;
    for (int i = 0; i < 3; ++i) ++counts[next()];
    EXPECT_EQ(counts[1], 1);
    EXPECT_EQ(counts[2], 2);
    EXPECT_EQ(next(), -1);
    backends_.ended(at(0));
    EXPECT_EQ(next(), 1);
    EXPECT_EQ(board_->backends[1].opened.get(), 2u);
    EXPECT_EQ(board_->backends[1].ended.get(), 1u);
}

TEST_F(BackendsTest, TheOneThatFailedThisConnectionIsNotTriedAgain) {
    add(1);
    add(2);
    apply();
    EXPECT_EQ(next({1}), 2);
    EXPECT_EQ(next({1, 2}), 0);
}

// Passed over for a time, then tried by a single connection, whose fate decides.
TEST_F(BackendsTest, AFailedOneIsTriedWithOneConnection) {
    add(1);
    add(2);
    apply();
    ASSERT_EQ(next(), 1);
    fail(0);
    EXPECT_EQ(board_->backends[1].up.get(), 0u);
    EXPECT_EQ(board_->backends[1].failures[static_cast<std::size_t>(BackendFailed::refused)].get(), 1u);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(next(), 2);
    now_ += 1000;
    int trials = 0;
    for (int i = 0; i < 6; ++i) trials += next() == 1;
    EXPECT_EQ(trials, 1);
    fail(0);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(next(), 2);
    now_ += 1000;
    while (next() != 1) ASSERT_LT(at(1).connections, 100u);
    backends_.connected(at(0));
    EXPECT_EQ(board_->backends[1].up.get(), 1u);
    trials = 0;
    for (int i = 0; i < 6; ++i) trials += next() == 1;
    EXPECT_EQ(trials, 3);
}

// Rather a doubtful one than none.
TEST_F(BackendsTest, WhenAllHaveFailedTheyAreTriedAfterAll) {
    add(1);
    apply();
    ASSERT_EQ(next(), 1);
    fail(0);
    EXPECT_EQ(next(), 1);
    EXPECT_EQ(next({1}), 0);
}

TEST_F(BackendsTest, BackupsServeWhenNobodyElseCan) {
    add(1).max_connections = 1;
    add(2).backup = true;
    apply();
    EXPECT_EQ(next(), 1);
    EXPECT_EQ(next(), -1) << "a full one is no failed one";
    fail(0);
    EXPECT_EQ(next(), 2);
    EXPECT_EQ(next(), 2);
}

TEST_F(BackendsTest, ChecksDecideAfterSoManyInARow) {
    plan_.health = {.interval_ms = 100, .timeout_ms = 100, .rise = 2, .fall = 3};
    add(1);
    apply();
    for (const bool passed : {false, false, true, false, false}) backends_.checked(at(0), passed);
    EXPECT_EQ(next(), 1);
    backends_.failed(at(0), BackendFailed::timeout, now_);  // counts as one more
    EXPECT_EQ(next(), 0) << "down by its checks: not even as the last one";
    EXPECT_EQ(board_->backends[1].up.get(), 0u);
    backends_.checked(at(0), true);
    EXPECT_EQ(next(), 0);
    backends_.checked(at(0), true);
    EXPECT_EQ(next(), 1);
    EXPECT_EQ(quiet_.lines_with("is down").size(), 1u);
    EXPECT_EQ(quiet_.lines_with("is up").size(), 1u);
}

TEST_F(BackendsTest, WhoStaysKeepsItsConnections) {
    add(1);
    add(2);
    apply();
    ASSERT_EQ(next(), 1);
    const auto leaving = backends_.all()[1];
    plan_.backends.erase(plan_.backends.begin() + 1);
    plan_.backends.front().max_connections = 1;
    apply();
    EXPECT_EQ(next(), -1);
    EXPECT_EQ(leaving->name, "2") << "its connections still hold it";
}

TEST_F(BackendsTest, OtherRulesAreThoseOfBalance) {
    add(1);
    add(2);
    apply("least-connections");
    EXPECT_EQ(next(), 1);
    EXPECT_EQ(next(), 2);
    backends_.ended(at(1));
    EXPECT_EQ(next(), 2);
    apply("source-hash");
    const int mine = next();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(next(), mine);
    apply("random-two");
    EXPECT_GT(next(), 0);
}

// Drained and taken back, or missing from one plan: what it has still counts.
TEST_F(BackendsTest, WhoComesBackHasTheConnectionsItHad) {
    add(1).max_connections = 1;
    apply();
    ASSERT_EQ(next(), 1);
    const BackendPlan one = plan_.backends[0];
    plan_.backends.clear();
    apply();
    EXPECT_EQ(next(), 0);
    plan_.backends.push_back(one);
    apply();
    EXPECT_EQ(next(), -1) << "it is full";
    backends_.ended(at(0));
    EXPECT_EQ(next(), 1);
}

// A trial that says nothing of the backend is followed by another one.
TEST_F(BackendsTest, AnUndecidedTrialIsNotTheLast) {
    add(1);
    add(2);
    apply();
    ASSERT_EQ(next(), 1);
    fail(0);
    now_ += plan_.fail_timeout_ms;
    while (next() != 1) ASSERT_FALSE(at(0).on_trial);
    ASSERT_TRUE(at(0).on_trial);
    backends_.undecided(at(0));
    backends_.ended(at(0));
    EXPECT_FALSE(at(0).on_trial);
    const std::set<int> chosen{next(), next()};
    EXPECT_TRUE(chosen.contains(1));
}

}  // namespace portier::delivery
