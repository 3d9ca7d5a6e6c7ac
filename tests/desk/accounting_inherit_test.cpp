// Accounting of connections that processes accept for themselves.
#include <gtest/gtest.h>

#include "desk/accounting_case.hpp"

namespace portier::desk {

namespace {

using metrics::Closed;
using test::Pair;

class AccountingInheritTest : public test::AccountingCase {
protected:
    AccountingInheritTest() { plan_.handlers[0].delivery = "inherit"; }

    bool run_until_seen(std::uint64_t count) {
        return test::run_until(io_, [&] { return row().seen.get() == count; });
    }
};

}  // namespace

// A dump finds what a process has accepted, before and after the start, and counts it for its only process, once.
TEST_F(AccountingInheritTest, FindsConnectionsByLooking) {
    Pair first = test::make_pair(listener_);
    start(open_events());
    ASSERT_TRUE(run_until_seen(1));
    Pair second = test::make_pair(listener_);
    ASSERT_TRUE(run_until_seen(2));
    EXPECT_EQ(row().active(), 2u);
    EXPECT_EQ(process().opened.get(), 2u);
    EXPECT_EQ(process().active(), 2u);
    EXPECT_EQ(row().accepted.get(), 0u) << "that is the desk's to count";

    ASSERT_TRUE(test::transfer(first.client, first.accepted, 999));
    first.client.reset();
    test::receive_all(first.accepted);
    first.accepted.reset();
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_EQ(closed(Closed::client_close), 1u);
    EXPECT_EQ(row().received_bytes.get(), 999u);
    EXPECT_EQ(row().active(), 1u);
    EXPECT_EQ(process().active(), 1u);
    EXPECT_EQ(row().seen.get(), 2u);
}

// Who still waits to be accepted is not a connection of the process yet.
TEST_F(AccountingInheritTest, LeavesOutWhoStillWaits) {
    const Fd waiting = test::connect_to(test::port_of(listener_));
    const Fd taken = test::accept_from(listener_);
    const Fd really_waiting = test::connect_to(test::port_of(listener_));
    start(open_events());
    ASSERT_TRUE(run_until_seen(1));
    EXPECT_EQ(board_->ledger_size.load(), 1u);
    const Fd accepted = test::accept_from(listener_);
    EXPECT_TRUE(run_until_seen(2));
}

// What comes and goes between two looks is counted by its end: exact bytes, and no longer than nobody had looked.
TEST_F(AccountingInheritTest, CountsWhatWasTooShortToBeSeen) {
    start(open_events());
    Pair pair = test::make_pair(listener_);
    ASSERT_TRUE(test::transfer(pair.client, pair.accepted, 10));
    ASSERT_TRUE(test::transfer(pair.accepted, pair.client, 20));
    pair.client.reset();
    test::receive_all(pair.accepted);
    pair.accepted.reset();
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_EQ(row().seen.get(), 1u);
    EXPECT_EQ(row().received_bytes.get(), 10u);
    EXPECT_EQ(row().sent_bytes.get(), 20u);
    EXPECT_EQ(row().active(), 0u);
    EXPECT_EQ(process().opened.get(), 1u);
    EXPECT_EQ(process().ended.get(), 1u);
    EXPECT_LT(row().duration.sum_microseconds.get(), 30'000'000u);
}

// With several processes nobody knows which one it is: row 0 has them.
TEST_F(AccountingInheritTest, CountsForNobodyWhereThereAreSeveral) {
    plan_.handlers[0].processes.push_back({.row = kOther, .slot = 2});
    const Pair pair = test::make_pair(listener_);
    start(open_events());
    ASSERT_TRUE(run_until_seen(1));
    EXPECT_EQ(process(0).active(), 1u);
    EXPECT_EQ(process(kProcess).active() + process(kOther).active(), 0u);
}

// A port that is added later is looked at, too, and short connections of it are no older than that.
TEST_F(AccountingInheritTest, LooksAtPortsThatAreAdded) {
    const auto ports = std::exchange(plan_.ports, {});
    start(open_events());
    test::run_ready(io_);
    plan_.ports = ports;
    accounting_->apply(plan_, {});
    Pair brief = test::make_pair(listener_);
    test::reset(brief.accepted);
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_LT(row().duration.sum_microseconds.get(), 30'000'000u);
    const Pair lasting = test::make_pair(listener_);
    EXPECT_TRUE(run_until_seen(2));
    EXPECT_EQ(row().active(), 1u);
}

// A listener that is closed is no connection that ends.
TEST_F(AccountingInheritTest, ListenersDoNotCount) {
    start(open_events());
    const net::Place place{test::kLoopback, test::port_of(listener_)};
    listener_.reset();
    listener_ = net::open_tcp_listener(place, {}, 16);
    Pair pair = test::make_pair(listener_);
    test::reset(pair.accepted);
    ASSERT_TRUE(test::run_until(io_, [&] { return row().total_closed() >= 1; }));
    test::run_ready(io_);
    EXPECT_EQ(row().total_closed(), 1u);
    EXPECT_EQ(row().seen.get(), 1u);
}

// Connections of a relay outlive a change of the port's delivery, and the relay counts them itself.
TEST_F(AccountingInheritTest, LeavesOutWhatARelayStillHas) {
    plan_.handlers[0].delivery = "relay";
    start(open_events());
    Pair relayed = test::make_pair(listener_);
    plan_.handlers[0].delivery = "inherit";
    accounting_->apply(plan_, Fd());
    Pair inherited = test::make_pair(listener_);
    ASSERT_TRUE(run_until_seen(1));
    for (Pair* pair : {&relayed, &inherited}) {
        pair->client.reset();
        test::receive_all(pair->accepted);
        pair->accepted.reset();
    }
    ASSERT_TRUE(run_until_closed(1));
    test::run_ready(io_);
    EXPECT_EQ(row().seen.get(), 1u);
    EXPECT_EQ(closed(Closed::client_close), 1u);
}

}  // namespace portier::desk
