#include "delivery/handoff/handoff.hpp"

#include "delivery/handoff/handoff_case.hpp"

namespace portier::delivery {

namespace {

class HandoffTest : public HandoffCase {};

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
    delivery_->update(plan, leaving_, descriptors_);
    give_credit(9, 100);
    deliver(8, "10.1.2.3");
    EXPECT_EQ(received(9), Numbers{8});
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
