#include "delivery/handoff.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <map>

#include "delivery/descriptors.hpp"
#include "delivery/plan.hpp"
#include "metrics/board.hpp"
#include "support/handoff_end.hpp"
#include "support/wait.hpp"

namespace portier::delivery {

namespace {

using test::Connection;
using test::HandoffEnd;
using Numbers = std::vector<std::uint16_t>;
using Records = std::vector<std::pair<std::uint64_t, std::uint32_t>>;

constexpr std::uint32_t kHandlerRow = 6;

class HandoffTest : public testing::Test {
protected:
    // Puts a pool in force; a process's number is that of its channel and of its row, its slot one less.
    void update(const std::vector<std::uint32_t>& processes) {
        HandlerPlan plan{
            .name = "veg", .row = kHandlerRow, .delivery = "handoff", .balance = balance_, .on_demand = on_demand_};
        for (const std::uint32_t number : processes) {
            plan.processes.push_back({number, number - 1, number});
            if (ends_.contains(number)) continue;
            descriptors_.add(number, ends_[number].router_end());
        }
        delivery_->update(plan, descriptors_);
    }

    void give_credit(std::uint32_t number, std::uint32_t window) {
        ends_[number].credit(window);
        ASSERT_TRUE(test::run_until(io_, [&] { return board_->processes[number].credit.get() == window; }));
    }

    // A pool in which everybody has plenty of room.
    void start(const std::vector<std::uint32_t>& processes, std::uint32_t window = 100) {
        update(processes);
        for (const std::uint32_t number : processes) give_credit(number, window);
    }

    void deliver(std::uint16_t number, const std::string& source = "10.0.0.1") {
        Connection connection(number, source);
        connection.accepted.port_row = 3;
        delivery_->deliver(std::move(connection.accepted));
        clients_.push_back(std::move(connection.client));
    }

    Numbers received(std::uint32_t number) { return test::numbers(ends_[number].receive()); }

    // The records for accounting: connection and process.
    Records handovers() {
        Records result;
        for (metrics::Handover item; board_->handovers.pop(item);) {
            EXPECT_EQ(item.port, 3u);
            result.emplace_back(item.cookie, item.process);
        }
        return result;
    }

    boost::asio::io_context io_{1};
    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    Descriptors descriptors_;
    std::map<std::uint32_t, HandoffEnd> ends_;
    std::vector<Fd> clients_;
    std::string balance_ = "round-robin";
    bool on_demand_ = false;
    unsigned rooms_ = 0;
    std::vector<std::uint32_t> demands_;
    std::unique_ptr<Delivery> delivery_ =
        make_handoff({io_, *board_, [this] { ++rooms_; }, [this](std::uint32_t row) { demands_.push_back(row); }});
};

}  // namespace

// Without a process, and before the first credit, there is no room: connections stay in the kernel's queue.
TEST_F(HandoffTest, HasNoRoomBeforeTheFirstCredit) {
    EXPECT_FALSE(delivery_->has_room());
    update({1});
    EXPECT_FALSE(delivery_->has_room());
    delivery_->demand();
    give_credit(1, 1);
    EXPECT_TRUE(delivery_->has_room());
    EXPECT_EQ(rooms_, 1u) << "who found no room is told once that there is some";
}

// Each connection reaches a process, and accounting has its record before that.
TEST_F(HandoffTest, Delivers) {
    start({1, 2});
    const std::uint64_t now = monotonic_microseconds() / 1000;
    deliver(11);
    metrics::Handover record{};
    ASSERT_TRUE(board_->handovers.pop(record));
    EXPECT_EQ(record.cookie, 11u);
    EXPECT_EQ(record.port, 3u);
    EXPECT_EQ(record.process, 1u);
    EXPECT_GE(record.accepted_ms, now);
    deliver(12);
    deliver(13);
    EXPECT_EQ(received(1), (Numbers{11, 13}));
    EXPECT_EQ(received(2), (Numbers{12}));
    EXPECT_EQ(handovers(), (Records{{12, 2}, {13, 1}}));
    EXPECT_FALSE(delivery_->idle());
}

// Who is full is passed over; when all are, there is no room until somebody has taken.
TEST_F(HandoffTest, StaysWithinTheCredit) {
    update({1, 2});
    give_credit(1, 1);
    give_credit(2, 2);
    for (std::uint16_t number = 1; number <= 3; ++number) {
        ASSERT_TRUE(delivery_->has_room());
        deliver(number);
    }
    EXPECT_FALSE(delivery_->has_room());
    delivery_->demand();
    EXPECT_EQ(received(1).size(), 1u);
    EXPECT_EQ(received(2).size(), 2u);
    ends_[2].taken(1);
    EXPECT_TRUE(test::run_until(io_, [&] { return rooms_ == 1 && delivery_->has_room(); }));
}

// least-connections goes by what accounting says is open now, not by what was sent.
TEST_F(HandoffTest, LeastConnectionsFollowsTheBoard) {
    balance_ = "least-connections";
    start({1, 2});
    board_->processes[1].sent.add(5);
    board_->processes[2].sent.add(4);
    deliver(1);
    EXPECT_EQ(received(2), Numbers{1});
    board_->processes[1].ended.add(4);
    deliver(2);
    deliver(3);
    EXPECT_EQ(received(1), (Numbers{2, 3}));
}

// source-hash goes by slot, so a client comes back to the same slot after its process was replaced.
TEST_F(HandoffTest, SourceHashFollowsTheSlot) {
    balance_ = "source-hash";
    start({1, 2, 3});
    for (unsigned i = 0; i < 20; ++i) deliver(7, "10.1.2.3");
    std::uint32_t chosen = 0;
    for (const std::uint32_t number : {1u, 2u, 3u})
        if (const auto doors = received(number); !doors.empty()) {
            EXPECT_EQ(doors.size(), 20u);
            chosen = number;
        }
    // A successor in the same slot, on another channel.
    HandlerPlan plan{.name = "veg", .row = kHandlerRow, .delivery = "handoff", .balance = balance_};
    for (const std::uint32_t number : {1u, 2u, 3u}) {
        const std::uint32_t channel = number == chosen ? 9 : number;
        plan.processes.push_back({channel, number - 1, channel});
    }
    descriptors_.add(9, ends_[9].router_end());
    delivery_->update(plan, descriptors_);
    give_credit(9, 100);
    deliver(8, "10.1.2.3");
    EXPECT_EQ(received(9), Numbers{8});
}

// What a dead process had not taken goes to the others, in order, and accounting hears where it is now.
TEST_F(HandoffTest, RedeliversFromADeadProcess) {
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
TEST_F(HandoffTest, RedeliveriesWaitForASuccessor) {
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

// A process that a plan drops is told so and keeps what it has; who stays notices nothing.
TEST_F(HandoffTest, DrainsWhoIsDropped) {
    start({1, 2});
    deliver(1);
    deliver(2);
    update({2});
    EXPECT_TRUE(ends_[1].drained());
    EXPECT_FALSE(ends_[2].drained());
    deliver(3);
    deliver(4);
    EXPECT_EQ(test::numbers(ends_[2].receive()), (Numbers{3, 4}));
    EXPECT_FALSE(delivery_->idle()) << "the dropped process has not taken its own yet";
    ends_[1].taken(1);
    ends_[2].taken(3);
    EXPECT_TRUE(test::run_until(io_, [&] { return delivery_->idle(); }));
}

// Also a dropped process gives back what it had not taken, to those who stay.
TEST_F(HandoffTest, RedeliversFromADroppedProcess) {
    start({1});
    deliver(1);
    update({2});
    give_credit(2, 5);
    ends_[1].die();
    Numbers arrived;
    EXPECT_TRUE(test::run_until(io_, [&] { return !(arrived = received(2)).empty(); }));
    EXPECT_EQ(arrived, Numbers{1});
}

// A full queue of one process sends the connection to another one.
TEST_F(HandoffTest, FullQueueIsPassedOver) {
    start({1}, 1'000'000);
    std::uint16_t number = 0;
    while (delivery_->has_room() && number < 60'000) {
        deliver(++number);
        if (number % 100 == 0) {
            clients_.clear();
            handovers();
        }
    }
    ASSERT_LT(number, 60'000) << "the kernel's queue never got full";
    update({1, 2});
    give_credit(2, 100);
    Numbers arrived;
    EXPECT_TRUE(test::run_until(io_, [&] { return !(arrived = received(2)).empty(); }));
    EXPECT_EQ(arrived, Numbers{number});
    received(1);  // it reads on
    EXPECT_TRUE(test::run_until(io_, [&] {
        deliver(60'001);
        return !received(1).empty();
    }));
}

// While accounting does not keep up there is no room: no record is lost.
TEST_F(HandoffTest, WaitsForAccounting) {
    start({1}, 1'000'000);
    while (!board_->handovers.nearly_full()) board_->handovers.push({});
    EXPECT_FALSE(delivery_->has_room());
    delivery_->demand();
    for (metrics::Handover item; board_->handovers.pop(item);) {
    }
    EXPECT_TRUE(delivery_->has_room());
    EXPECT_TRUE(test::run_until(io_, [&] { return rooms_ == 1; })) << "nobody was told";
}

// A handler that is started on demand is asked for once, when a connection comes and there is no process.
TEST_F(HandoffTest, DemandsAProcessOnce) {
    update({});
    delivery_->demand();
    EXPECT_TRUE(demands_.empty()) << "only where the handler is started on demand";
    on_demand_ = true;
    update({});
    delivery_->demand();
    delivery_->demand();
    EXPECT_EQ(demands_, std::vector<std::uint32_t>{kHandlerRow});
    update({});  // the plan answers; nobody came
    delivery_->demand();
    start({1});  // now there is a process
    delivery_->demand();
    EXPECT_EQ(demands_.size(), 2u);
}

// The time from accept to *taken* is observed once per connection.
TEST_F(HandoffTest, ObservesDispatch) {
    start({1});
    deliver(1);
    deliver(2);
    ends_[1].taken(2);
    const auto count = [&] {
        std::uint64_t sum = 0;
        for (const metrics::Counter& bucket : board_->globals.dispatch_handoff.buckets) sum += bucket.get();
        return sum;
    };
    EXPECT_TRUE(test::run_until(io_, [&] { return count() == 2; }));
}

}  // namespace portier::delivery
