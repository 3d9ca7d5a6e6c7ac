#include "keeper/spawned_handler.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include "keeper/spawn_case.hpp"
#include "support/log_capture.hpp"

namespace portier::keeper {

namespace {

class SpawnedHandlerTest : public SpawnCase {
protected:
    SpawnedHandler& start(const config::Handler& handler) {
        handler_ = std::make_unique<SpawnedHandler>(
            SpawnedHandler::Context{.io = io_,
                                    .board = *board_,
                                    .reports = reports_,
                                    .ended = [this](const delivery::SpawnEnd& end) { ends_.push_back(end); }},
            rows_.handler("git"), handler);
        return *handler_;
    }
    // The client of a process that was started for it.
    Fd serve() {
        Served served = arrive();
        handler_->start(served.request, std::move(served.connection));
        return std::move(served.client);
    }

    StartReports reports_;
    std::unique_ptr<SpawnedHandler> handler_;
};

}  // namespace

// A process serves its connection and ends; that is counted, and the router hears of it.
TEST_F(SpawnedHandlerTest, ServesAConnection) {
    start(spawn_handler("read word; echo you said $word"));
    const Fd client = serve();
    EXPECT_EQ(handler_->running().size(), 1u);
    EXPECT_EQ(handler_row().spawned.get(), 1u);
    test::send_all(client, "hello\n");
    EXPECT_EQ(test::receive_all(client), "you said hello\n");
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_TRUE(ends_[0].started);
    EXPECT_EQ(ends_[0].handler, rows_.handler("git"));
    EXPECT_EQ(exits(metrics::Exited::ok), 1u);
    EXPECT_EQ(handler_row().spawned_ended.get(), 1u);
    EXPECT_TRUE(handler_->idle());
    EXPECT_EQ(board_->globals.dispatch_spawn.sum_microseconds.get() > 0, true);
}

// The program finds a connection that waits, although the router's was non-blocking.
TEST_F(SpawnedHandlerTest, GivesAConnectionThatWaits) {
    start(spawn_handler("sed -n 's/flags:[[:space:]]*//p' /proc/self/fdinfo/1"));
    Served served = arrive();
    ::fcntl(served.connection.get(), F_SETFL, O_NONBLOCK);
    handler_->start(served.request, std::move(served.connection));
    const auto flags = std::stoul(test::receive_all(served.client), nullptr, 8);
    EXPECT_EQ(flags & O_NONBLOCK, 0u);
}

// Exit codes and signals each have their counter.
TEST_F(SpawnedHandlerTest, CountsHowTheyEnd) {
    start(spawn_handler("read how; $how"));
    std::vector<Fd> clients;
    for (const char* how : {"exit 0\n", "exit 1\n", "exit 77\n", "kill -9 $$\n"}) {
        clients.push_back(serve());
        test::send_all(clients.back(), how);
    }
    ASSERT_TRUE(run_until_ended(4));
    EXPECT_EQ(exits(metrics::Exited::ok), 1u);
    EXPECT_EQ(exits(metrics::Exited::failed), 1u);
    EXPECT_EQ(exits(metrics::Exited::other_code), 1u);
}

// A program that cannot be started: the client is let go, the router hears it, the log says why, no process is left.
// Nobody else would see why its client got nothing. One line a second, so it may take some.
TEST_F(SpawnedHandlerTest, LogsThatOneHasFailed) {
    const test::LogCapture log;
    start(spawn_handler("exit 7"));
    EXPECT_TRUE(test::eventually([&] {
        const Fd client = serve();
        return run_until_ended(ends_.size() + 1) && log.text().find("exit code 7") != std::string::npos;
    }));
    EXPECT_NE(log.text().find("the process of a connection has failed"), std::string::npos) << log.text();
}

TEST_F(SpawnedHandlerTest, TellsOfFailedStarts) {
    config::Handler handler = spawn_handler("exit 0");
    handler.program = "/no/such";
    start(handler);
    const Fd client = serve();
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_FALSE(ends_[0].started);
    EXPECT_EQ(test::receive_all(client), "");
    EXPECT_EQ(exits(metrics::Exited::not_started), 1u);
    EXPECT_EQ(exits(metrics::Exited::not_found), 0u);
    EXPECT_EQ(handler_row().spawned.get(), handler_row().spawned_ended.get());
    EXPECT_EQ(log_.lines_with("exec /no/such: No such file or directory").size(), 1u);
}

// The same where there is not even a child: no user, no descriptor for the connection.
TEST_F(SpawnedHandlerTest, TellsOfStartsWithoutAChild) {
    config::Handler handler = spawn_handler("exit 0");
    handler.user = "no-such-user";
    start(handler);
    const Fd client = serve();
    ASSERT_EQ(ends_.size(), 1u);
    EXPECT_FALSE(ends_[0].started);
    EXPECT_EQ(test::receive_all(client), "");
    EXPECT_TRUE(handler_->idle());
    start(spawn_handler("exit 0"));
    const Served served = arrive();
    handler_->start(served.request, Fd());
    ASSERT_EQ(ends_.size(), 2u);
    EXPECT_FALSE(ends_[1].started);
    EXPECT_EQ(exits(metrics::Exited::not_started), 2u);
}

// Children that a process leaves behind in its group end with it, so that nothing keeps the connection open.
TEST_F(SpawnedHandlerTest, EndsTheWholeGroup) {
    start(spawn_handler("sleep 1000 & echo $!"));
    const Fd client = serve();
    ASSERT_TRUE(run_until_ended(1));
    const pid_t child = std::atoi(test::receive_all(client).c_str());
    ASSERT_GT(child, 0);
    EXPECT_TRUE(test::eventually([&] { return is_gone(child); }));
}

// In the other styles what a program says on stderr becomes log lines, through one pipe for all processes.
TEST_F(SpawnedHandlerTest, LogsWhatTheySay) {
    config::Handler handler = spawn_handler("echo for the log >&2; echo for the client");
    handler.style = config::Style::ucspi;
    start(handler);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(test::receive_all(serve()), "for the client\n");
    EXPECT_TRUE(run_until([&] { return log_.lines_with("\"for the log\"").size() == 3; }));
    EXPECT_NE(log_.lines_with("for the log")[0].find("\"handler\":\"git\""), std::string::npos);
}

// Only so many at the same time, and none twice for one connection; a lower limit holds once the router knows of it.
TEST_F(SpawnedHandlerTest, MayStartSoMany) {
    start(spawn_handler("read wait"));
    std::vector<Served> served;
    for (int i = 0; i < 4; ++i) {
        served.push_back(arrive());
        EXPECT_TRUE(handler_->may_start(served.back().request.cookie));
        handler_->start(served.back().request, std::move(served.back().connection));
        EXPECT_FALSE(handler_->may_start(served.back().request.cookie));
    }
    EXPECT_FALSE(handler_->may_start(0));
    served.clear();
    ASSERT_TRUE(run_until_ended(4));
    config::Handler fewer = spawn_handler("read wait");
    fewer.max_processes = 1;
    handler_->configure(fewer);
    const Fd one = serve();
    EXPECT_TRUE(handler_->may_start(0));
    handler_->settle();
    EXPECT_FALSE(handler_->may_start(0));
}

// A change is for the next processes; those that run stay.
TEST_F(SpawnedHandlerTest, ChangesForTheNext) {
    start(spawn_handler("read word; echo old $word"));
    const Fd before = serve();
    handler_->configure(spawn_handler("read word; echo new $word"));
    const Fd after = serve();
    for (const Fd* client : {&before, &after}) test::send_all(*client, "one\n");
    EXPECT_EQ(test::receive_all(before), "old one\n");
    EXPECT_EQ(test::receive_all(after), "new one\n");
}

// drain: time to finish, then the stop signal, then SIGKILL for the group.
TEST_F(SpawnedHandlerTest, DrainsThenStopsThenKills) {
    config::Handler handler = spawn_handler("trap 'echo asked' TERM; echo there; while :; do sleep 0.01; done");
    handler.stop.timeout = milliseconds(100);
    start(handler);
    const Fd client = serve();
    EXPECT_EQ(test::receive_exactly(client, 6), "there\n");
    handler_->drain(milliseconds(1));
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_EQ(test::receive_all(client), "asked\n");
    EXPECT_EQ(exits(metrics::Exited::signal), 1u);
}

// Thousands come and go: no descriptor and no zombie stays.
TEST_F(SpawnedHandlerTest, LeavesNothingBehind) {
    config::Handler handler = spawn_handler("");
    handler.program = "/bin/true";
    handler.style = config::Style::ucspi;
    start(handler);
    serve();
    ASSERT_TRUE(run_until_ended(1));
    const auto before = test::open_descriptors(::getpid()).size();
    for (std::size_t count = 1; count < 500; ++count) {
        if (count % 3 == 0) handler_->configure(spawn_handler("exit 3"));
        serve();
        ASSERT_TRUE(run_until([&] { return handler_->running().size() < 4; }));
    }
    ASSERT_TRUE(run_until_ended(500));
    EXPECT_EQ(test::open_descriptors(::getpid()).size(), before);
    siginfo_t info{};
    EXPECT_LT(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), 0) << "no child of any kind";
}

// The end of the keeper: whoever is left is killed, and reaped.
TEST_F(SpawnedHandlerTest, KillsAtTheEnd) {
    start(spawn_handler("exec sleep 1000"));
    const Fd client = serve();
    handler_.reset();
    EXPECT_EQ(test::receive_all(client), "");
    EXPECT_EQ(handler_row().spawned_ended.get(), 1u);
}

}  // namespace portier::keeper
