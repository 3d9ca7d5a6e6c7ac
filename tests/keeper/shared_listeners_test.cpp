#include "keeper/shared_listeners.hpp"

#include "keeper/stage.hpp"

namespace portier::keeper {

namespace {

// "pool" has two processes that share a listener, "alone" has one. The processes hold connections because they were
// given them at their start, as if they had accepted them.
class SharedListenersTest : public Stage {
protected:
    SharedListenersTest() {
        config_.handlers = {shell_handler("pool", kStays), shell_handler("alone", kStays)};
        config_.handlers[0].processes = 2;
        config_.ports = {port_entry("pool", config::Protocol::tcp, test::port_of(shared_)),
                         port_entry("alone", config::Protocol::tcp, test::port_of(own_))};
    }

    const Slot* start(const config::Handler& handler, std::uint32_t number, const Fd& listener, unsigned connections) {
        SlotPlan plan{.handler = handler, .slot = number};
        for (unsigned i = 0; i < connections; ++i) {
            test::Pair pair = test::make_pair(listener);
            clients_.push_back(std::move(pair.client));
            plan.sockets.push_back({std::make_shared<OpenSocket>(0, std::move(pair.accepted)), "connection"});
        }
        slots_.push_back(std::make_unique<Slot>(context(), std::move(plan),
                                                Slot::Events{.changed = [] {}, .failed = [](const ProcessEnd&) {}}));
        slots_.back()->start();
        return slots_.back().get();
    }
    std::uint64_t held(const Slot* slot) const { return row(slot->process()->row()).held.get(); }

    Fd shared_ = test::listen_somewhere(), own_ = test::listen_somewhere();
    config::Config config_;
    std::vector<Fd> clients_;
    std::vector<std::unique_ptr<Slot>> slots_;
    SharedListeners listeners_{io_, *board_};
};

}  // namespace

// Each process of a pool is told how many connections it holds; other sockets it has do not count.
TEST_F(SharedListenersTest, CountsForEachProcess) {
    const Slot* three = start(config_.handlers[0], 0, shared_, 3);
    const Slot* none = start(config_.handlers[0], 1, own_, 2);
    listeners_.assign(config_, {three, none});
    ASSERT_TRUE(run_until([&] { return held(three) == 3; }));
    EXPECT_EQ(held(none), 0u);
}

// A connection that is only in the hands of a process that it has forked counts for it, and one in several hands once.
TEST_F(SharedListenersTest, CountsForThoseThatItHasForked) {
    config::Handler handler = config_.handlers[0];
    handler.command.back() = "sleep 1000 & exec sleep 1000 3<&-";
    const Slot* slot = start(handler, 0, shared_, 2);
    listeners_.assign(config_, {slot});
    ASSERT_TRUE(run_until([&] {
        const auto own = test::open_descriptors(slot->process()->pid());
        return own.contains(4) && !own.contains(3);
    }));
    row(slot->process()->row()).held.set(99);
    EXPECT_TRUE(run_until([&] { return held(slot) < 99; }));
    EXPECT_EQ(held(slot), 2u);
}

// It looks again from time to time, so a connection that comes or goes changes the count.
TEST_F(SharedListenersTest, CountsAgain) {
    const Slot* slot = start(config_.handlers[0], 0, shared_, 1);
    listeners_.assign(config_, {slot});
    ASSERT_TRUE(run_until([&] { return held(slot) == 1; }));
    row(slot->process()->row()).held.set(99);
    EXPECT_TRUE(run_until([&] { return held(slot) == 1; }));
}

// Where one process has a listener for itself, counting by announcements is exact, and this leaves it alone.
TEST_F(SharedListenersTest, LeavesSingleProcessesAlone) {
    const Slot* pool = start(config_.handlers[0], 0, shared_, 1);
    const Slot* alone = start(config_.handlers[1], 0, own_, 1);
    listeners_.assign(config_, {pool, alone});
    ASSERT_TRUE(run_until([&] { return held(pool) == 1; }));
    EXPECT_EQ(held(alone), 0u);
}

// Without a pool there is nothing to do, also when there was one before.
TEST_F(SharedListenersTest, RestsWithoutPools) {
    const Slot* slot = start(config_.handlers[0], 0, shared_, 1);
    listeners_.assign(config_, {slot});
    config_.handlers[0].processes = 1;
    listeners_.assign(config_, {slot});
    slots_.clear();
    io_.restart();
    io_.run();
    SUCCEED();
}

// After stop() nothing is left to happen.
TEST_F(SharedListenersTest, Stops) {
    const Slot* slot = start(config_.handlers[0], 0, shared_, 1);
    listeners_.assign(config_, {slot});
    listeners_.stop();
    slots_.clear();
    io_.restart();
    io_.run();
    SUCCEED();
}

}  // namespace portier::keeper
