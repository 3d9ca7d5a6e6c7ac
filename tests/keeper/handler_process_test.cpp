#include "keeper/handler_process.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <system_error>

#include "keeper/stage.hpp"

namespace portier::keeper {

namespace {

using metrics::ProcessState;
using metrics::Restarted;

class HandlerProcessTest : public Stage {
protected:
    struct Started {
        std::unique_ptr<HandlerProcess> process;
        int ready = 0;
        std::vector<ProcessEnd> ends;

        HandlerProcess* operator->() const { return process.get(); }
        pid_t pid() const { return process->pid(); }
    };

    std::unique_ptr<Started> start(ProcessSetup setup) {
        auto started = std::make_unique<Started>();
        setup.row = rows_.take_process();
        setup.handler_row = rows_.handler(setup.handler.name);
        started->process = std::make_unique<HandlerProcess>(
            io_, *board_, std::move(setup),
            HandlerProcess::Events{.ready = [all = started.get()] { ++all->ready; },
                                   .ended = [all = started.get()](const ProcessEnd& end) { all->ends.push_back(end); }});
        return started;
    }
    std::unique_ptr<Started> start(const config::Handler& handler) { return start(ProcessSetup{.handler = handler}); }
    std::unique_ptr<Started> start(const std::string& script) { return start(shell_handler("veg", script)); }

    bool run_until_ended(const Started& started) {
        return run_until([&] { return !started.ends.empty(); });
    }
    ProcessState state(const Started& started) const { return row(started.process->row()).get_state(); }
    std::string failure_of(const config::Handler& handler) {
        try {
            start(handler);
        } catch (const std::system_error& error) {
            return error.what();
        }
        return "it started";
    }
};

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
    EXPECT_EQ(test::environment_of(silent->pid())["WATCHDOG_USEC"], "1500000");
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
    const auto process = start(kStays);
    notify(process->pid(), "WATCHDOG=trigger");
    ASSERT_TRUE(run_until_ended(*process));
    EXPECT_EQ(process->ends[0].reason, Restarted::watchdog);
}

// While a process stops it need not feed its watchdog any more.
TEST_F(HandlerProcessTest, WatchdogRestsWhileStopping) {
    config::Handler handler = shell_handler("veg", "trap 'exit 0' TERM; trap : USR1; echo set up; while :; do sleep 1 & wait $!; done");
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
    for (const char* words : {"\"out\"", "\"err\"", "\"no newline\""}) EXPECT_EQ(log_.lines_with(words).size(), 1u) << words;
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
    config::Handler handler = shell_handler("veg", "trap 'exit 3' USR1; echo set up; while :; do sleep 1 & wait $!; done");
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

// A process that says READY=1 after it was asked to stop is not ready.
TEST_F(HandlerProcessTest, IsNotReadyOnceItStops) {
    const auto process = start(ProcessSetup{.handler = notifying(kStays), .channel_number = 8});
    process->process->drain(milliseconds(3'600'000));
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

// What the program gets.

// An `inherit` process gets its sockets from 3 on, as systemd gives them, and nothing else of ours.
TEST_F(HandlerProcessTest, InheritGetsItsSockets) {
    const auto socket = [] { return std::make_shared<OpenSocket>(1, test::listen_somewhere()); };
    ProcessSetup setup{.handler = shell_handler("veg", kStays),
                       .slot = 4,
                       .sockets = {{socket(), "7001/tcp"}, {socket(), "[::1]:9418/tcp"}}};
    setup.handler.env = {{"MENU", "veg"}, {"LANG", "tlh"}};
    const std::vector<InheritedSocket> sockets = setup.sockets;
    const auto process = start(std::move(setup));
    ASSERT_TRUE(run_until([&] { return test::proc_file(process->pid(), "comm") == "sleep\n"; }));

    auto environment = test::environment_of(process->pid());
    EXPECT_EQ(environment["LISTEN_FDS"], "2");
    EXPECT_EQ(environment["LISTEN_FDNAMES"], "7001/tcp:[__1]_9418/tcp") << "a colon separates the names";
    EXPECT_EQ(environment["LISTEN_PID"], std::to_string(process->pid()));
    EXPECT_EQ(environment["PORTIER_HANDLER"], "veg");
    EXPECT_EQ(environment["PORTIER_PROCESS"], "4");
    EXPECT_EQ(environment["MENU"], "veg");
    EXPECT_EQ(environment["LANG"], "tlh") << "the handler's own wins";
    EXPECT_FALSE(environment["PATH"].empty());
    EXPECT_FALSE(environment.contains("PORTIER_FD"));
    EXPECT_FALSE(environment.contains("WATCHDOG_USEC"));

    const std::map<int, std::string> wanted{{3, test::target_of(sockets[0].socket->fd.get())},
                                            {4, test::target_of(sockets[1].socket->fd.get())}};
    auto descriptors = test::open_descriptors(process->pid());
    EXPECT_EQ(descriptors[0], "/dev/null");
    EXPECT_EQ(descriptors[1].substr(0, 6), "pipe:[");
    EXPECT_EQ(descriptors[1], descriptors[2]);
    for (const int standard : {0, 1, 2}) descriptors.erase(standard);
    EXPECT_EQ(descriptors, wanted);
}

// A `handoff` process gets its channel at 3, of which we keep the other end.
TEST_F(HandlerProcessTest, HandoffGetsItsChannel) {
    ::setenv("PORTIER_TEST_SECRET", "ours", 1);
    const auto process = start(ProcessSetup{.handler = shell_handler("veg", "sleep 1000 <&3"), .channel_number = 8});
    auto environment = test::environment_of(process->pid());
    EXPECT_EQ(environment["PORTIER_FD"], "3");
    EXPECT_FALSE(environment.contains("LISTEN_FDS"));
    EXPECT_FALSE(environment.contains("LISTEN_PID"));
    EXPECT_FALSE(environment.contains("PORTIER_TEST_SECRET"));
    const auto descriptors = test::open_descriptors(process->pid());
    ASSERT_TRUE(descriptors.contains(3));
    EXPECT_EQ(descriptors.at(3).substr(0, 8), "socket:[");
    EXPECT_GE(process->process->channel(), 0);
    EXPECT_EQ(process->process->channel_number(), 8u);
}

// Limits and working directory are the handler's.
TEST_F(HandlerProcessTest, GetsLimitsAndPlace) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.working_directory = std::filesystem::canonical("/usr").string();
    handler.limits = {.open_files = 123, .core = 0, .cpu = milliseconds(1500)};
    const auto process = start(handler);
    const auto limit = [&](__rlimit_resource resource) {
        rlimit value{};
        ::prlimit(process->pid(), resource, nullptr, &value);
        return value.rlim_cur;
    };
    EXPECT_EQ(limit(RLIMIT_NOFILE), 123u);
    EXPECT_EQ(limit(RLIMIT_CORE), 0u);
    EXPECT_EQ(limit(RLIMIT_CPU), 2u) << "whole seconds, never less than asked for";
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(process->pid()) + "/cwd"), handler.working_directory);
}

// As root the process becomes the handler's user; without root it does not start, rather than run as somebody else.
TEST_F(HandlerProcessTest, BecomesTheUserOrRefuses) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.user = "daemon";
    if (::geteuid() != 0) {
        EXPECT_EQ(failure_of(handler), "handler veg: setgroups: Operation not permitted");
        return;
    }
    const auto process = start(handler);
    EXPECT_EQ(test::status_field(process->pid(), "Uid"), "1\t1\t1\t1");
    // Another user's environment is root's to read.
    auto environment = test::environment_of(process->pid());
    EXPECT_EQ(environment["USER"], "daemon");
    EXPECT_EQ(environment["LOGNAME"], "daemon");
    EXPECT_EQ(environment["HOME"], "/usr/sbin");
}

// What cannot start says why and leaves nothing behind.
TEST_F(HandlerProcessTest, FailedStartLeavesNothing) {
    const auto before = test::open_descriptors(::getpid());
    config::Handler handler = shell_handler("veg", kStays);
    handler.program = "/no/such";
    EXPECT_EQ(failure_of(handler), "handler veg: exec /no/such: No such file or directory");
    handler = shell_handler("veg", kStays);
    handler.user = "no-such-user";
    EXPECT_EQ(failure_of(handler), "handler veg: user no-such-user is gone: Invalid argument");
    EXPECT_EQ(test::open_descriptors(::getpid()).size(), before.size());
}

}  // namespace portier::keeper
