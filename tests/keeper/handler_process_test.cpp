#include "keeper/handler_process.hpp"

#include <signal.h>

#include "keeper/handler_process_case.hpp"

namespace portier::keeper {

namespace {

using metrics::ProcessState;
using metrics::Restarted;

config::Handler notifying(const std::string& script, milliseconds ready_timeout = milliseconds(60'000)) {
    config::Handler handler = shell_handler("veg", script);
    handler.ready = config::Ready::notify;
    handler.ready_timeout = ready_timeout;
    return handler;
}

config::Handler watched(milliseconds watchdog) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.watchdog = watchdog;
    return handler;
}

}  // namespace

// Readiness.

// A process that need not say so is ready at once, and the board knows it.
TEST_F(HandlerProcessTest, ImmediateIsReadyAtOnce) {
    const auto process = start(ProcessSetup{.handler = shell_handler("veg", kStays), .slot = 2});
    EXPECT_TRUE(process->process->is_ready());
    EXPECT_EQ(process->ready, 0);
    const metrics::ProcessRow& mine = row(process->process->row());
    EXPECT_EQ(mine.get_state(), ProcessState::ready);
    EXPECT_EQ(mine.pid.load(), process->pid());
    EXPECT_EQ(mine.slot.load(), 2u);
    EXPECT_GT(process->process->started_ms(), 1'600'000'000'000u);
    EXPECT_EQ(process->process->channel(), -1);
}

// With `ready: notify` it is ready when it says so, once.
TEST_F(HandlerProcessTest, NotifyIsReadyWhenItSaysSo) {
    const auto process = start(notifying(kStays));
    EXPECT_FALSE(process->process->is_ready());
    EXPECT_EQ(state(*process), ProcessState::starting);
    notify(process->pid(), "READY=0");
    notify(process->pid(), "READY=1");
    notify(process->pid(), "READY=1\nSTATUS=cooking");
    ASSERT_TRUE(run_until([&] { return process->process->status() == "cooking"; }));
    EXPECT_TRUE(process->process->is_ready());
    EXPECT_EQ(process->ready, 1);
    EXPECT_EQ(state(*process), ProcessState::ready);
}

// What it says of itself can be shown to anybody, whatever its bytes are.
TEST_F(HandlerProcessTest, StatusIsMadePrintable) {
    const auto process = start(kStays);
    notify(process->pid(), "STATUS=caf\xc3\xa9 \xff \x1b[2J");
    ASSERT_TRUE(run_until([&] { return !process->process->status().empty(); }));
    EXPECT_EQ(process->process->status(), "caf\xc3\xa9 \\xff \\x1b[2J");
}

// Who does not say it in time is killed, and that is what the end is called.
TEST_F(HandlerProcessTest, ReadyTimeoutKills) {
    const auto process = start(notifying(kStays, milliseconds(50)));
    ASSERT_TRUE(run_until_ended(*process));
    EXPECT_EQ(process->ends[0].reason, Restarted::ready_timeout);
    EXPECT_EQ(process->ends[0].text, "it was not ready within 50 ms");
    EXPECT_FALSE(process->ends[0].clean);
    EXPECT_EQ(process->ready, 0);
}

// Who said it in time is left alone when the time is over: a second one that did not shows that it is.
TEST_F(HandlerProcessTest, ReadyInTimeEndsTheTimeout) {
    const auto good = start(notifying(kStays, milliseconds(200)));
    notify(good->pid(), "READY=1");
    ASSERT_TRUE(run_until([&] { return good->ready == 1; }));
    const auto bad = start(notifying(kStays, milliseconds(200)));
    ASSERT_TRUE(run_until_ended(*bad));
    EXPECT_TRUE(good->ends.empty());
    EXPECT_TRUE(good->process->is_ready());
}

// Watchdog.

// One that falls silent is killed; one that goes on speaking lives.
TEST_F(HandlerProcessTest, WatchdogKillsTheSilent) {
    const auto speaks = start(watched(milliseconds(500)));
    const auto silent = start(watched(milliseconds(1500)));
    EXPECT_EQ(environment_of_handler(silent->pid())["WATCHDOG_USEC"], "1500000");
    ASSERT_TRUE(run_until([&] {
        notify(speaks->pid(), "WATCHDOG=1");
        return !silent->ends.empty();
    }));
    EXPECT_EQ(silent->ends[0].reason, Restarted::watchdog);
    EXPECT_EQ(silent->ends[0].text, "its watchdog expired");
    EXPECT_TRUE(speaks->ends.empty());
}

// A process can also say itself that it is broken.
TEST_F(HandlerProcessTest, WatchdogCanBeTriggered) {
    const auto process = start(watched(milliseconds(60'000)));
    notify(process->pid(), "WATCHDOG=trigger");
    ASSERT_TRUE(run_until_ended(*process));
    EXPECT_EQ(process->ends[0].reason, Restarted::watchdog);
}

// Without a watchdog in the configuration, what a process says to it means nothing.
TEST_F(HandlerProcessTest, NoWatchdogHearsNothing) {
    const auto process = start(kStays);
    const auto other = start(shell_handler("veg", kStays));
    notify(process->pid(), "WATCHDOG=1\nWATCHDOG=trigger\nSTATUS=heard");
    ASSERT_TRUE(run_until([&] { return process->process->status() == "heard"; }));
    ::kill(other->pid(), SIGKILL);
    ASSERT_TRUE(run_until_ended(*other));  // whatever was due at once has happened by now
    EXPECT_TRUE(process->ends.empty());
}

// While a process stops it need not feed its watchdog any more.
TEST_F(HandlerProcessTest, WatchdogRestsWhileStopping) {
    config::Handler handler =
        shell_handler("veg", "trap 'exit 0' TERM; trap : USR1; echo set up; while :; do sleep 1 & wait $!; done");
    handler.watchdog = milliseconds(60'000);
    handler.stop.signal = SIGUSR1;
    const auto process = start(handler);
    ASSERT_TRUE(run_until_said("set up"));
    process->process->stop();
    notify(process->pid(), "WATCHDOG=trigger\nSTATUS=heard");
    ASSERT_TRUE(run_until([&] { return process->process->status() == "heard"; }));
    ::kill(process->pid(), SIGTERM);
    ASSERT_TRUE(run_until_ended(*process));
    EXPECT_EQ(process->ends[0].text, "exit code 0");
}

// The end.

// How it ended is told once, in words, and whether it was clean; then its row is free and its time is accounted.
TEST_F(HandlerProcessTest, TellsItsEndOnce) {
    const struct {
        const char* script;
        Restarted reason;
        const char* text;
        bool clean;
    } cases[]{{"exit 0", Restarted::exit, "exit code 0", true},
              {"exit 7", Restarted::exit, "exit code 7", false},
              {"kill -SEGV $$", Restarted::signal, "signal SIGSEGV", false}};
    for (const auto& wanted : cases) {
        const auto process = start(wanted.script);
        ASSERT_TRUE(run_until_ended(*process)) << wanted.script;
        test::run_ready(io_);
        ASSERT_EQ(process->ends.size(), 1u);
        EXPECT_EQ(process->ends[0].reason, wanted.reason);
        EXPECT_EQ(process->ends[0].text, wanted.text);
        EXPECT_EQ(process->ends[0].clean, wanted.clean);
        EXPECT_EQ(state(*process), ProcessState::absent);
        EXPECT_TRUE(is_gone(process->pid()));
    }
    EXPECT_GT(board_->handlers[rows_.handler("veg")].ended_cpu_microseconds.get(), 0u);
}

// Its last words are in the log before its end is told.
TEST_F(HandlerProcessTest, LastWordsComeFirst) {
    const auto process = start("echo out; echo err >&2; printf 'no newline'");
    bool complete = false;
    process->process->set_events({.ready = nullptr, .ended = [&](const ProcessEnd& end) {
                                      complete = log_.lines().size() == 3;
                                      process->ends.push_back(end);
                                  }});
    ASSERT_TRUE(run_until_ended(*process));
    EXPECT_TRUE(complete) << log_.text();
    EXPECT_EQ(process->ends[0].last_line, "no newline");
    for (const char* words : {"\"out\"", "\"err\"", "\"no newline\""})
        EXPECT_EQ(log_.lines_with(words).size(), 1u) << words;
}

// What it has started ends with it, so that nothing is left that holds its sockets.
TEST_F(HandlerProcessTest, ItsChildrenEndWithIt) {
    const auto process = start("sleep 1000 & echo child $!; exit 0");
    ASSERT_TRUE(run_until_ended(*process));
    const pid_t child = number_behind("child ");
    ASSERT_GT(child, 0);
    EXPECT_TRUE(run_until([&] { return is_gone(child); }));
    EXPECT_TRUE(process->ends[0].clean);
}

// stop() sends the handler's own stop signal.
TEST_F(HandlerProcessTest, StopSendsTheStopSignal) {
    config::Handler handler =
        shell_handler("veg", "trap 'exit 3' USR1; echo set up; while :; do sleep 1 & wait $!; done");
    handler.stop.signal = SIGUSR1;
    const auto process = start(handler);
    ASSERT_TRUE(run_until_said("set up"));
    process->process->stop();
    EXPECT_EQ(state(*process), ProcessState::stopping);
    EXPECT_TRUE(process->process->is_leaving());
    ASSERT_TRUE(run_until_ended(*process));
    EXPECT_EQ(process->ends[0].text, "exit code 3");
}

// Who does not listen is killed after the stop timeout, with everything it has started.
TEST_F(HandlerProcessTest, StopIsEnforcedOnTheGroup) {
    config::Handler handler = shell_handler("veg", "trap '' TERM; sleep 1000 & echo child $!; while :; do wait; done");
    handler.stop.timeout = milliseconds(50);
    const auto process = start(handler);
    ASSERT_TRUE(run_until_said("child"));
    process->process->stop();
    ASSERT_TRUE(run_until_ended(*process));
    EXPECT_EQ(process->ends[0].text, "signal SIGKILL");
    EXPECT_TRUE(run_until([&] { return is_gone(number_behind("child ")); }));
}

// Asking again sends the signal again and does not put off the end.
TEST_F(HandlerProcessTest, StoppingAgainDoesNotPostponeTheEnd) {
    config::Handler handler =
        shell_handler("veg", "trap 'echo asked' TERM; echo set up; while :; do sleep 1000 & wait $!; done");
    handler.stop.timeout = milliseconds(1000);
    const auto process = start(handler);
    ASSERT_TRUE(run_until_said("set up"));
    process->process->stop();
    ASSERT_TRUE(run_until([&] {
        process->process->stop();
        return !process->ends.empty();
    }));
    EXPECT_EQ(process->ends[0].text, "signal SIGKILL");
    EXPECT_GE(log_.lines_with("\"asked\"").size(), 2u);
}

// Draining an `inherit` process is stopping it: nobody else can keep new connections from it.
TEST_F(HandlerProcessTest, DrainStopsInherit) {
    const auto process = start(kStays);
    process->process->drain(milliseconds(3'600'000));
    EXPECT_EQ(state(*process), ProcessState::stopping);
    ASSERT_TRUE(run_until_ended(*process));
    EXPECT_EQ(process->ends[0].text, "signal SIGTERM");
}

// A `handoff` process may finish its connections first and gets the signal when the patience is over.
TEST_F(HandlerProcessTest, DrainIsPatientWithHandoff) {
    const auto patient = start(ProcessSetup{.handler = shell_handler("veg", kStays), .channel_number = 8});
    const auto hasty = start(ProcessSetup{.handler = shell_handler("veg", kStays), .channel_number = 9});
    patient->process->drain(milliseconds(3'600'000));
    hasty->process->drain(milliseconds(20));
    EXPECT_EQ(state(*patient), ProcessState::draining);
    ASSERT_TRUE(run_until_ended(*hasty));
    EXPECT_EQ(hasty->ends[0].text, "signal SIGTERM");
    EXPECT_TRUE(patient->ends.empty());
    EXPECT_EQ(state(*patient), ProcessState::draining);
    patient->process->stop();
    EXPECT_TRUE(run_until_ended(*patient));
}

// One that was never ready has no connections to finish: it is stopped at once, and cannot become ready any more.
TEST_F(HandlerProcessTest, IsNotReadyOnceItStops) {
    const config::Handler handler = notifying("trap '' TERM; echo set up; exec sleep 1000");
    const auto process = start(ProcessSetup{.handler = handler, .channel_number = 8});
    ASSERT_TRUE(run_until_said("set up"));
    process->process->drain(milliseconds(3'600'000));
    EXPECT_EQ(state(*process), ProcessState::stopping);
    notify(process->pid(), "READY=1\nSTATUS=heard");
    ASSERT_TRUE(run_until([&] { return process->process->status() == "heard"; }));
    EXPECT_FALSE(process->process->is_ready());
    EXPECT_EQ(process->ready, 0);
}

// An object that goes takes its process and the process's children along and leaves no zombie.
TEST_F(HandlerProcessTest, DestructorKills) {
    const auto process = start("trap '' TERM; sleep 1000 & echo child $!; wait");
    ASSERT_TRUE(run_until_said("child"));
    const pid_t pid = process->pid();
    process->process.reset();
    EXPECT_TRUE(test::proc_file(pid, "stat").empty());
    EXPECT_TRUE(run_until([&] { return is_gone(number_behind("child ")); }));
    EXPECT_TRUE(process->ends.empty());
}

// Such an end is accounted like any other: its time stays counted, and its last words are in the log.
TEST_F(HandlerProcessTest, DestructorAccounts) {
    const auto process =
        start("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo busy; printf last; exec sleep 1000");
    ASSERT_TRUE(run_until_said("busy"));
    process->process.reset();
    EXPECT_GT(board_->handlers[rows_.handler("veg")].ended_cpu_microseconds.get(), 10'000u);
    EXPECT_EQ(log_.lines_with("\"last\"").size(), 1u);
}

}  // namespace portier::keeper
