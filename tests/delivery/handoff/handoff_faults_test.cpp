// Handoff when processes die, do not take, or do not keep to the contract.
#include "delivery/handoff/handoff_case.hpp"
#include "support/log_capture.hpp"
#include "support/tcp.hpp"

namespace portier::delivery {

namespace {

class HandoffFaultsTest : public HandoffCase {};

}  // namespace

// What a dead process had not taken goes to the others, in order, and accounting hears where it is now.
TEST_F(HandoffFaultsTest, RedeliversFromADeadProcess) {
    start({1});
    for (std::uint16_t number = 1; number <= 4; ++number) deliver(number);
    ends_[1].receive();
    ends_[1].taken(1);
    update({1, 2});
    give_credit(2, 100);
    handovers();
    ends_[1].die();
    Numbers arrived;
    ASSERT_TRUE(test::run_until(io_, [&] {
        for (const std::uint16_t number : received(2)) arrived.push_back(number);
        return arrived.size() == 3;
    }));
    EXPECT_EQ(arrived, (Numbers{2, 3, 4}));
    EXPECT_EQ(handovers(), (Records{{2, 2}, {3, 2}, {4, 2}}));
}

// If there is nobody else they wait for the next process, before any new connection.
TEST_F(HandoffFaultsTest, RedeliveriesWaitForASuccessor) {
    start({1});
    deliver(1);
    deliver(2);
    ends_[1].die();
    ASSERT_TRUE(test::run_until(io_, [&] { return !delivery_->has_room(); }));
    EXPECT_FALSE(delivery_->idle());
    update({2});
    EXPECT_FALSE(delivery_->has_room());
    give_credit(2, 2);
    EXPECT_EQ(received(2), (Numbers{1, 2}));
    ends_[2].taken(2);
    EXPECT_TRUE(test::run_until(io_, [&] { return delivery_->idle(); }));
}

// If there will never be another one they see a reset: a peaceful end would look like an empty answer.
TEST_F(HandoffFaultsTest, WhoIsLetGoSeesAReset) {
    start({1});
    const Fd listener = test::listen_somewhere();
    test::Pair pair = test::make_pair(listener);
    Connection connection(1);
    connection.accepted.socket = std::move(pair.accepted);
    delivery_->deliver(std::move(connection.accepted));
    ends_[1].die();
    ASSERT_TRUE(test::run_until(io_, [&] { return !delivery_->has_room(); }));
    delivery_->update({}, {}, descriptors_);
    EXPECT_TRUE(delivery_->idle());
    char byte;
    EXPECT_LT(::recv(pair.client.get(), &byte, 1, 0), 0);
    EXPECT_EQ(errno, ECONNRESET);
}

// A program that does not know the contract says nothing, and its guests would wait in silence.
TEST_F(HandoffFaultsTest, SaysThatNobodyTakesConnections) {
    const test::LogCapture log;
    update({1, 2});
    delivery_->demand();
    EXPECT_TRUE(test::run_until(io_, [&] { return !log.lines().empty(); }));
    EXPECT_NE(log.text().find("connections wait"), std::string::npos);
    EXPECT_NE(log.text().find("\"processes\":2"), std::string::npos) << log.text();
}

// Also a dropped process gives back what it had not taken, to those who stay.
TEST_F(HandoffFaultsTest, RedeliversFromADroppedProcess) {
    start({1});
    deliver(1);
    update({2});
    give_credit(2, 5);
    ends_[1].die();
    Numbers arrived;
    EXPECT_TRUE(test::run_until(io_, [&] { return !(arrived = received(2)).empty(); }));
    EXPECT_EQ(arrived, Numbers{1});
}

// A process whose queue is full is passed over, whatever the rule: the others serve everybody meanwhile.
TEST_F(HandoffFaultsTest, FullQueueIsPassedOver) {
    std::uint32_t stuck = 1;
    for (const char* rule : {"round-robin", "least-connections", "source-hash"}) {
        balance_ = rule;
        start({stuck, stuck + 1}, 1000);
        ends_[stuck].shrink_queue();
        for (std::uint16_t number = 1; number <= 100; ++number) {
            ASSERT_TRUE(delivery_->has_room()) << rule << " " << number;
            deliver(number, "10.0.0." + std::to_string(number));
        }
        const std::size_t elsewhere = received(stuck + 1).size();
        EXPECT_EQ(received(stuck).size() + elsewhere, 100u) << rule;
        EXPECT_GE(elsewhere, 30u) << rule;
        stuck += 2;
    }
}

// What nobody can take now waits and is the first to go when there is room; a process that reads on is found out.
TEST_F(HandoffFaultsTest, RefusedConnectionsAreTriedAgain) {
    start({1}, 1000);
    ends_[1].shrink_queue();
    std::uint16_t number = 0;
    while (delivery_->has_room()) deliver(++number);
    EXPECT_EQ(received(1).size(), number - 1u);
    Numbers arrived;
    EXPECT_TRUE(test::run_until(io_, [&] { return !(arrived = received(1)).empty(); }));
    EXPECT_EQ(arrived, Numbers{number});
}

// The end of a process that the plan tells of counts, also where somebody else keeps its channel open.
TEST_F(HandoffFaultsTest, RedeliversFromAProcessThatThePlanSaysIsGone) {
    start({1});
    for (std::uint16_t number = 1; number <= 3; ++number) deliver(number);
    ends_[1].taken(1);
    leaving_.clear();
    update({2});
    give_credit(2, 5);
    Numbers arrived;
    ASSERT_TRUE(test::run_until(io_, [&] {
        for (const std::uint16_t number : received(2)) arrived.push_back(number);
        return arrived.size() == 2;
    }));
    EXPECT_EQ(arrived, (Numbers{2, 3}));
}

// With the handler go those that wait for it.
TEST_F(HandoffFaultsTest, NobodyWaitsForAHandlerThatIsGone) {
    start({1});
    deliver(1);
    ends_[1].die();
    ASSERT_TRUE(test::run_until(io_, [&] { return !delivery_->has_room(); }));
    delivery_->update({}, {}, descriptors_);
    EXPECT_TRUE(delivery_->idle());
    char byte;
    EXPECT_EQ(::recv(clients_[0].get(), &byte, 1, MSG_DONTWAIT), 0) << "its connection is closed";
}

// The keeper hears of a process that will take no more, alive or not.
TEST_F(HandoffFaultsTest, TellsOfProcessesThatWillTakeNoMore) {
    start({1, 2});
    ends_[1].say({});
    ASSERT_TRUE(test::run_until(io_, [&] { return broken_ == std::vector<std::uint32_t>{1}; }));
    ends_[2].die();
    EXPECT_TRUE(test::run_until(io_, [&] { return broken_ == (std::vector<std::uint32_t>{1, 2}); }));
}

// While accounting does not keep up there is no room: no record is lost.
TEST_F(HandoffFaultsTest, WaitsForAccounting) {
    start({1}, 1'000'000);
    while (!board_->handovers.nearly_full()) board_->handovers.push({});
    EXPECT_FALSE(delivery_->has_room());
    delivery_->demand();
    for (metrics::Handover item; board_->handovers.pop(item);) {
    }
    EXPECT_TRUE(delivery_->has_room());
    EXPECT_TRUE(test::run_until(io_, [&] { return rooms_ == 1; })) << "nobody was told";
}

// After *stopping* a process may close its channel and finish what it has in peace.
TEST_F(HandoffFaultsTest, LeavesAStoppingProcessInPeace) {
    start({1, 2});
    ends_[1].stopping();
    ends_[1].die();
    ends_[2].die();
    ASSERT_TRUE(test::run_until(io_, [&] { return !broken_.empty(); }));
    test::run_ready(io_);
    EXPECT_EQ(broken_, std::vector<std::uint32_t>{2});
}

// A demand that did not get through is made again.
TEST_F(HandoffFaultsTest, DemandsUntilItIsHeard) {
    on_demand_ = true;
    demand_is_heard_ = false;
    update({});
    delivery_->demand();
    ASSERT_TRUE(test::run_until(io_, [&] { return demands_.size() == 3; }));
    demand_is_heard_ = true;
    ASSERT_TRUE(test::run_until(io_, [&] { return demands_.size() == 4; }));
    delivery_->demand();
    EXPECT_EQ(demands_.size(), 4u);
}

}  // namespace portier::delivery
