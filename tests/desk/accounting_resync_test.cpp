// Accounting after something went wrong: a router that died, announcements that were lost.
#include <fcntl.h>
#include <gtest/gtest.h>

#include "desk/accounting_case.hpp"

namespace portier::desk {

namespace {

using metrics::Closed;
using test::Pair;

class AccountingResyncTest : public test::AccountingCase {
protected:
    // The keeper's copy of the events outlives the router.
    Fd events_again() const { return Fd(::fcntl(events_.get(), F_DUPFD_CLOEXEC, 0)); }

    bool run_until_resync() {
        return test::run_until(io_, [&] { return board_->globals.accounting_resyncs.get() == 1; });
    }

    // Connections that a first router handed over and that live when it dies.
    std::vector<Pair> live_through_a_crash(std::size_t count) {
        start(events_again());
        std::vector<Pair> pairs;
        for (std::size_t i = 0; i < count; ++i) pairs.push_back(handed_over());
        EXPECT_TRUE(test::run_until(io_, [&] { return board_->ledger_size.load() == count; }));
        accounting_.reset();
        return pairs;
    }

    // The kernel announces ends a moment after they happen.
    bool wait_for_announcements(unsigned count) const {
        unsigned seen = 0;
        return test::eventually([&] {
            net::read_destroy_events(events_.get(), count, [&](const net::SocketReport&) { ++seen; });
            return seen == count;
        });
    }

    Fd events_ = open_events();
};

}  // namespace

// What a dead router had accepted and not handed over is settled as ended at once; what lives stays active.
TEST_F(AccountingResyncTest, SettlesWhatTheDeadRouterLost) {
    const auto pairs = live_through_a_crash(4);
    row().accepted.add(2);
    start(events_again());
    EXPECT_EQ(closed(Closed::unknown), 2u);
    EXPECT_EQ(row().active(), 4u);
    EXPECT_EQ(process().active(), 4u);
    ASSERT_TRUE(run_until_resync());
    EXPECT_EQ(row().active(), 4u) << "the dump shows them alive";
}

// Records that the dead router left in the queue are read by the next.
TEST_F(AccountingResyncTest, ReadsTheRecordsThatWereLeft) {
    Pair pair = handed_over();
    start(events_again());
    EXPECT_EQ(board_->ledger_size.load(), 1u);
    EXPECT_EQ(row().active(), 1u);
    EXPECT_EQ(closed(Closed::unknown), 0u);
    test::reset(pair.accepted);
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_EQ(closed(Closed::handler_reset), 1u);
}

// Ends while there is no router keep their reason and bytes: the kernel kept the announcements.
TEST_F(AccountingResyncTest, CountsWhatEndedMeanwhile) {
    auto pairs = live_through_a_crash(3);
    ASSERT_TRUE(test::transfer(pairs[0].client, pairs[0].accepted, 777));
    pairs[0].client.reset();
    test::receive_all(pairs[0].accepted);
    pairs[0].accepted.reset();
    test::reset(pairs[1].accepted);
    start(events_again());
    ASSERT_TRUE(run_until_closed(2));
    EXPECT_EQ(closed(Closed::client_close), 1u);
    EXPECT_EQ(closed(Closed::handler_reset), 1u);
    EXPECT_EQ(row().received_bytes.get(), 777u);
    ASSERT_TRUE(run_until_resync());
    EXPECT_EQ(row().active(), 1u);
}

// Where nobody kept the announcements, a dump shows what has ended, reason unknown.
TEST_F(AccountingResyncTest, FindsByADumpWhatEndedUnheard) {
    auto pairs = live_through_a_crash(3);
    test::reset(pairs[0].accepted);
    test::reset(pairs[1].client);
    pairs[1].accepted.reset();
    ASSERT_TRUE(wait_for_announcements(2));
    start(open_events());
    ASSERT_TRUE(run_until_closed(2));
    EXPECT_EQ(closed(Closed::unknown), 2u);
    EXPECT_EQ(process().active(), 1u);
    EXPECT_EQ(row().active(), 1u);
}

// Every process is settled, also one of which no connection is left, and rows that were never used are left alone.
TEST_F(AccountingResyncTest, SettlesEveryProcess) {
    const auto pairs = live_through_a_crash(2);
    process(kProcess).sent.add(1);  // never arrived
    process(kOther).sent.set(7);
    process(kOther).ended.set(6);  // killed between two counters
    start(events_again());
    EXPECT_EQ(process(kProcess).active(), 2u);
    EXPECT_EQ(process(kOther).active(), 0u);
}

// Before the first plan nothing is known of the ports, so nothing may be given up as lost.
TEST_F(AccountingResyncTest, WaitsForThePlanBeforeItComparesWithADump) {
    const auto pairs = live_through_a_crash(3);
    accounting_ = std::make_unique<Accounting>(io_, *board_, Accounting::Hooks{});
    const std::uint64_t begin = monotonic_milliseconds();
    ASSERT_TRUE(test::run_until(io_, [&] { return monotonic_milliseconds() > begin + 300; }));
    EXPECT_EQ(row().active(), 3u);
    accounting_->apply(plan_, events_again());
    ASSERT_TRUE(run_until_resync());
    EXPECT_EQ(row().active(), 3u);
}

// The next router's desk learns who is already inside where it counts per source, and else nothing.
TEST_F(AccountingResyncTest, FindsTheSourcesOfThoseLetInBefore) {
    auto pairs = live_through_a_crash(3);
    plan_.ports[0].admission.max_connections_per_source = 5;
    start(events_again());
    test::reset(pairs[0].accepted);
    const Pair later = handed_over();
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_TRUE(sources_.empty()) << "an end that the desk was not told of before";
    ASSERT_TRUE(run_until_resync());
    ASSERT_EQ(found_.size(), 1u);
    EXPECT_EQ(found_[kRow], (SourceCounts{{test::kLoopback, 2}})) << "not the one that this desk let in";
    test::reset(pairs[1].accepted);
    ASSERT_TRUE(run_until_closed(2));
    EXPECT_EQ(sources_.size(), 1u);
    EXPECT_TRUE(counted_.empty());
}

TEST_F(AccountingResyncTest, FindsNoSourcesWhereTheyAreNotLimited) {
    const auto pairs = live_through_a_crash(3);
    start(events_again());
    ASSERT_TRUE(run_until_resync());
    EXPECT_TRUE(found_.empty());
}

// Where ends go unheard, all sources are counted; an end that is heard after all does not count twice.
TEST_F(AccountingResyncTest, CountsTheSourcesAfterLostEvents) {
    plan_.ports[0].admission.max_connections_per_source = 5;
    start(Fd());
    const Pair lives = handed_over(), lives_too = handed_over();
    Pair ends = handed_over();
    test::reset(ends.accepted);
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_EQ(counted_[kRow], (SourceCounts{{test::kLoopback, 2}}));
    EXPECT_TRUE(sources_.empty());
    EXPECT_TRUE(found_.empty());
}

// A connection of a port that was removed is alive as long as the kernel says so.
TEST_F(AccountingResyncTest, LeavesConnectionsOfARemovedPortAlone) {
    const auto pairs = live_through_a_crash(3);
    plan_.ports.clear();
    start(events_again());
    ASSERT_TRUE(run_until_resync());
    EXPECT_EQ(row().active(), 3u);
    EXPECT_EQ(process().active(), 3u);
}

// Announcements that overran are made good: ended is ended, alive is alive, and the resync is counted.
TEST_F(AccountingResyncTest, ResyncsAfterLostEvents) {
    start(open_events(1));
    std::vector<Pair> living;
    for (int i = 0; i < 10; ++i) living.push_back(handed_over());
    for (int i = 0; i < 300; ++i) {
        Pair pair = handed_over();
        test::reset(pair.accepted);
    }
    ASSERT_TRUE(run_until_closed(300)) << row().total_closed();
    EXPECT_GE(board_->globals.accounting_resyncs.get(), 1u);
    EXPECT_GT(closed(Closed::unknown), 0u);
    EXPECT_EQ(row().active(), 10u);
    EXPECT_EQ(process().active(), 10u);
    for (Pair& pair : living) {
        test::reset(pair.accepted);
        io_.poll();
    }
    ASSERT_TRUE(run_until_closed(310));
    EXPECT_EQ(board_->ledger_size.load(), 0u);
}

// The same where processes accept for themselves: what was announced and what the dump shows is not counted twice.
TEST_F(AccountingResyncTest, ResyncCountsInheritedConnectionsOnce) {
    plan_.handlers[0].delivery = "inherit";
    std::vector<Pair> pairs;
    for (int i = 0; i < 200; ++i) pairs.push_back(test::make_pair(listener_));
    start(open_events(1));
    ASSERT_TRUE(test::run_until(io_, [&] { return row().seen.get() == 200; }));
    for (Pair& pair : pairs) test::reset(pair.accepted);
    ASSERT_TRUE(test::run_until(io_, [&] { return row().total_closed() >= 200; }));
    test::run_ready(io_);
    EXPECT_GE(board_->globals.accounting_resyncs.get(), 1u);
    EXPECT_EQ(row().seen.get(), 200u);
    EXPECT_EQ(row().total_closed(), 200u);
    EXPECT_EQ(process().active(), 0u);
}

// A client reset it, so the kernel's tables no longer have it, and its process still holds it: it is given up after
// lost events, and not counted a second time when the process closes it at last.
TEST_F(AccountingResyncTest, LateEndsCountOnce) {
    plan_.handlers[0].delivery = "inherit";
    std::vector<Pair> pairs;
    for (int i = 0; i < 201; ++i) pairs.push_back(test::make_pair(listener_));
    Pair held = std::move(pairs.back());
    pairs.pop_back();
    start(open_events(1));
    ASSERT_TRUE(test::run_until(io_, [&] { return row().seen.get() == 201; }));
    test::reset(held.client);
    ASSERT_TRUE(test::eventually([&] { return test::is_readable(held.accepted); }));
    for (Pair& pair : pairs) test::reset(pair.accepted);
    ASSERT_TRUE(run_until_closed(201));
    accounting_->apply(plan_, open_events());  // from here on nothing is lost
    held.accepted.reset();
    Pair next = test::make_pair(listener_);
    test::reset(next.accepted);
    ASSERT_TRUE(test::run_until(io_, [&] { return row().total_closed() >= 202; }));
    test::run_ready(io_);
    EXPECT_EQ(row().total_closed(), 202u);
    EXPECT_EQ(row().seen.get(), 202u);
    EXPECT_EQ(process().active(), 0u);
}

// However often announcements overrun: a dump every 200 ms at most, and in the end every count is right.
TEST_F(AccountingResyncTest, ResyncsAreFewInAStorm) {
    start(open_events(1));
    const std::uint64_t begin = monotonic_milliseconds();
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 50; ++i) {
            Pair pair = handed_over();
            test::reset(pair.accepted);
        }
        io_.poll();
    }
    ASSERT_TRUE(run_until_closed(1000)) << row().total_closed();
    EXPECT_GE(board_->globals.accounting_resyncs.get(), 1u);
    EXPECT_LE(board_->globals.accounting_resyncs.get(), (monotonic_milliseconds() - begin) / 200 + 1);
    EXPECT_EQ(row().active(), 0u);
    EXPECT_EQ(process().active(), 0u);
}

}  // namespace portier::desk
