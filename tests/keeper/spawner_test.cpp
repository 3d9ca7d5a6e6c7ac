#include "keeper/spawner.hpp"

#include <fcntl.h>

#include "keeper/spawn_case.hpp"

namespace portier::keeper {

namespace {

class SpawnerTest : public SpawnCase {
protected:
    void assign(const std::vector<config::Handler>& handlers) {
        config::Config config;
        config.handlers = handlers;
        spawner_.assign(config);
    }
    bool start(Served& served) { return spawner_.start(served.request, std::move(served.connection)); }
    std::size_t running() { return spawner_.running(rows_.handler("git")).size(); }

    Spawner spawner_{io_, *board_, rows_, [this](const delivery::SpawnEnd& end) { ends_.push_back(end); }};
};

inline constexpr milliseconds kLong{3'600'000};

}  // namespace

// The router gets what it asks for, and the next router hears who is there.
TEST_F(SpawnerTest, StartsWhatTheRouterAsksFor) {
    assign({spawn_handler("read wait")});
    Served served = arrive();
    ASSERT_TRUE(start(served));
    const auto running = spawner_.running(served.request.handler);
    ASSERT_EQ(running.size(), 1u);
    EXPECT_EQ(running[0].cookie, served.request.cookie);
    EXPECT_EQ(running[0].source, "127.0.0.1");
    served.client.reset();
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_EQ(running.size() - 1, this->running());
}

// No router asks for a process of a handler that has none for a connection each, beyond the limit, or twice.
TEST_F(SpawnerTest, RefusesWhatNoRouterAsksFor) {
    config::Handler few = spawn_handler("read wait"), waits = spawn_handler("read wait"),
                    stays = shell_handler("veg", "");
    few.max_processes = 1;
    waits.name = "tftp";
    waits.style = config::Style::inetd_wait;
    assign({few, waits, stays});
    for (const std::uint32_t row : {rows_.handler("tftp"), rows_.handler("veg"), 4000u, ~0u}) {
        Served served = arrive();
        served.request.handler = row;
        EXPECT_FALSE(start(served));
        EXPECT_EQ(test::receive_all(served.client), "") << "and the connection is closed";
    }
    Served one = arrive(), two = arrive();
    EXPECT_TRUE(start(one));
    EXPECT_FALSE(start(two));
    one.connection = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    EXPECT_FALSE(start(one));
    EXPECT_EQ(ends_.size(), 0u);
}

// A handler that is gone serves the router until that knows; then its processes may finish, and get signals at last.
TEST_F(SpawnerTest, LetsGoneHandlersFinish) {
    assign({spawn_handler("trap 'echo asked; exit' TERM; echo there; while :; do sleep 0.01; done")});
    Served one = arrive(), two = arrive(), three = arrive();
    ASSERT_TRUE(start(one));
    assign({});
    EXPECT_TRUE(start(two)) << "the router did not know yet";
    for (const Served* served : {&one, &two}) EXPECT_EQ(test::receive_exactly(served->client, 6), "there\n");
    spawner_.settle(milliseconds(50));
    EXPECT_FALSE(start(three));
    EXPECT_EQ(running(), 2u) << "they count as long as they live";
    ASSERT_TRUE(run_until_ended(2));
    EXPECT_EQ(test::receive_all(one.client), "asked\n");
    EXPECT_EQ(running(), 0u);
}

// One that comes back before it was gone for good is as before.
TEST_F(SpawnerTest, TakesBackAHandler) {
    assign({spawn_handler("read wait")});
    Served one = arrive(), two = arrive();
    ASSERT_TRUE(start(one));
    assign({});
    assign({spawn_handler("read wait")});
    spawner_.settle(milliseconds(0));
    EXPECT_TRUE(start(two));
    EXPECT_EQ(running(), 2u);
}

// The end of the daemon: patience, signals, and the word when nobody is left. In a hurry there is no patience.
TEST_F(SpawnerTest, StopsWhenAllHaveEnded) {
    assign({spawn_handler("echo there; exec sleep 1000")});
    Served served = arrive();
    ASSERT_TRUE(start(served));
    EXPECT_EQ(test::receive_exactly(served.client, 6), "there\n");
    int stopped = 0;
    spawner_.stop(kLong, [&] { ++stopped; });
    test::run_ready(io_);
    EXPECT_EQ(stopped, 0);
    spawner_.hurry();
    EXPECT_TRUE(run_until([&] { return stopped == 1; }));
    EXPECT_EQ(ends_.size(), 1u);
}

TEST_F(SpawnerTest, StopsAtOnceWhenIdle) {
    assign({spawn_handler("exit 0")});
    int stopped = 0;
    spawner_.stop(kLong, [&] { ++stopped; });
    EXPECT_TRUE(run_until([&] { return stopped == 1; }));
}

}  // namespace portier::keeper
