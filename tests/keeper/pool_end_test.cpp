// Processes of a pool that come only on demand, and the end of all of them.
#include "keeper/pool_case.hpp"

namespace portier::keeper {

namespace {

using PoolEndTest = PoolTest;

config::Handler sleeper() {
    config::Handler handler = shell_handler("veg", kStays);
    handler.start = config::Start::on_demand;
    return handler;
}

}  // namespace

// On demand.

// Handlers on demand start when they are woken, and only once.
TEST_F(PoolEndTest, WakesOnDemand) {
    pool_.start(slots_of(sleeper()));
    EXPECT_TRUE(pids().empty());
    pool_.wake("somebody else");
    EXPECT_TRUE(pids().empty());
    pool_.wake("veg");
    const Pids woken = pids();
    EXPECT_EQ(woken.size(), 1u);
    pool_.wake("veg");
    EXPECT_EQ(pids(), woken);
}

// A process that is put to sleep still runs until it is drained; its slot sleeps at once and can be woken again.
TEST_F(PoolEndTest, PutsToSleep) {
    pool_.start(slots_of(sleeper()));
    pool_.put_to_sleep({"veg", 0});
    pool_.put_to_sleep({"nobody", 0});
    EXPECT_EQ(changes_, 0) << "there is nothing to put to sleep";
    pool_.wake("veg");
    const pid_t pid = pids().at({"veg", 0});
    pool_.put_to_sleep({"veg", 0});
    EXPECT_EQ(changes_, 2);
    EXPECT_TRUE(pool_.slots()[0]->sleeps());
    EXPECT_FALSE(is_gone(pid));
    pool_.wake("veg");
    EXPECT_NE(pids().at({"veg", 0}), pid);
    pool_.drain_leaving(kLong);
    EXPECT_TRUE(run_until_gone(pid));
    EXPECT_TRUE(run_until([&] { return log_.lines_with("\"because\":\"idle\"").size() == 1; }));
    EXPECT_EQ(pids().size(), 1u);
}

// In a transaction a handler on demand is ready without a process.
TEST_F(PoolEndTest, OnDemandCandidateNeedNotRun) {
    prepare(slots_of(sleeper()));
    ASSERT_TRUE(run_until_settled());
    EXPECT_EQ(settled_, std::vector<std::string>{""});
    pool_.commit(slots_of(sleeper()));
    EXPECT_EQ(starts(), 0u);
    pool_.wake("veg");
    EXPECT_EQ(starts(), 1u);
}

// The end of the daemon.

// Every process ends, none is started again, and that is told once.
TEST_F(PoolEndTest, StopEndsEverything) {
    pool_.start(slots_of(pair_of(kStays)));
    const Pids before = pids();
    int ended = 0;
    pool_.retire();
    pool_.stop(kLong, [&] { ++ended; });
    ASSERT_TRUE(run_until([&] { return ended == 1; }));
    for (const auto& [key, pid] : before) EXPECT_TRUE(is_gone(pid));
    io_.restart();
    io_.run();  // nothing is left to happen
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(starts(), 2u);
    EXPECT_EQ(log_.lines_with("\"because\":\"stopping\"").size(), 2u);
}

// The pool knows its own until they are reaped, whatever they are for.
TEST_F(PoolEndTest, KnowsItsOwn) {
    pool_.start(slots_of(shell_handler("veg", kStays)));
    const pid_t slot = last_started();
    prepare(slots_of(shell_handler("bread", kStays)));
    const pid_t candidate = last_started();
    EXPECT_TRUE(pool_.owns(slot));
    EXPECT_TRUE(pool_.owns(candidate));
    EXPECT_FALSE(pool_.owns(::getpid()));
    pool_.retire();
    EXPECT_TRUE(pool_.owns(slot)) << "it is leaving";
    pool_.stop(kLong, [] {});
    EXPECT_TRUE(run_until([&] { return !pool_.owns(slot) && !pool_.owns(candidate); }));
}

// Without any process the end comes at once, but not before stop() has returned.
TEST_F(PoolEndTest, StopWithoutProcesses) {
    bool ended = false;
    pool_.retire();
    pool_.stop(kLong, [&] { ended = true; });
    EXPECT_FALSE(ended);
    test::run_ready(io_);
    EXPECT_TRUE(ended);
}

// A second request does not wait for the patience to be over.
TEST_F(PoolEndTest, HurrySendsTheSignalNow) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.delivery = config::Delivery::handoff;
    pool_.start(slots_of(handler));
    bool ended = false;
    pool_.retire();
    pool_.stop(kLong, [&] { ended = true; });
    test::run_ready(io_);
    EXPECT_FALSE(ended);
    pool_.hurry();
    EXPECT_TRUE(run_until([&] { return ended; }));
}

// Slots that were waiting for a restart, and candidates, are forgotten by retire().
TEST_F(PoolEndTest, RetireForgetsRestartsAndCandidates) {
    config::Handler handler = shell_handler("veg", "exit 1");
    handler.restart.first = milliseconds(50);
    pool_.start(slots_of(handler));
    ASSERT_TRUE(run_until([&] { return pids().empty(); }));
    prepare(slots_of(shell_handler("bread", kStays)));
    const pid_t candidate = last_started();
    pool_.retire();
    io_.restart();
    io_.run();
    EXPECT_TRUE(is_gone(candidate));
    EXPECT_EQ(starts(), 2u);
}

}  // namespace portier::keeper
