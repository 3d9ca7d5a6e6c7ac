#include "proc/spawn.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "proc/spawn_case.hpp"
#include "support/folder.hpp"

namespace portier::proc {

namespace {

// Traces `target` until the other end of `let_go` is closed, or for half a minute.
[[noreturn]] void trace_until(pid_t target, const Fd& traced, const Fd& let_go) {
    while (::ptrace(PTRACE_SEIZE, target, nullptr, nullptr) < 0) ::poll(nullptr, 0, 1);
    if (::write(traced.get(), "", 1) != 1) ::_exit(1);
    pollfd end{let_go.get(), POLLIN, 0};
    ::poll(&end, 1, 30'000);
    ::_exit(0);
}

}  // namespace

// The environment is the declared one and nothing of ours; the child's own number is where LISTEN_PID wants it.
TEST(Spawn, GivesExactlyTheDeclaredEnvironment) {
    ::setenv("PORTIER_TEST_SECRET", "ours", 1);
    const Waiting child({.environment = {{"A", "1"}, {"EMPTY", ""}, {"EQUALS", "a=b"}}, .pid_variable = "LISTEN_PID"});
    const std::map<std::string, std::string> wanted{
        {"A", "1"}, {"EMPTY", ""}, {"EQUALS", "a=b"}, {"LISTEN_PID", std::to_string(child.pid())}};
    auto got = test::environment_of(child.pid());
    got.erase("");  // zeros that LISTEN_PID leaves behind its digits
    EXPECT_EQ(got, wanted);
}

// As a program sees it: LISTEN_PID equals $$.
TEST(Spawn, PidVariableIsTheChildsOwn) {
    Command command = shell("[ \"$LISTEN_PID\" = $$ ] && echo right");
    command.pid_variable = "LISTEN_PID";
    EXPECT_EQ(output_of(command), "right\n");
}

// Arguments reach the program untouched: no shell looks at them.
TEST(Spawn, PassesArgumentsUntouched) {
    Command command{.program = "/usr/bin/printf", .argv = {"printf", "%s|", "a b", "", "$HOME", "'\"\\", "*"}};
    EXPECT_EQ(output_of(command), "a b||$HOME|'\"\\|*|");
}

// The working directory is the declared one, or ours.
TEST(Spawn, ChangesTheWorkingDirectory) {
    const test::Folder folder;
    Command command = shell("pwd -P");
    EXPECT_EQ(output_of(command), std::filesystem::canonical(".").string() + "\n");
    command.working_directory = folder / "";
    EXPECT_EQ(output_of(command), std::filesystem::canonical(folder / "").string() + "\n");
}

// Limits are set hard and soft, to the value.
TEST(Spawn, SetsLimits) {
    const Waiting child({.limits = {{RLIMIT_NOFILE, 123}, {RLIMIT_CORE, 0}, {RLIMIT_CPU, 77}}});
    const std::pair<__rlimit_resource, rlim_t> wanted[]{{RLIMIT_NOFILE, 123}, {RLIMIT_CORE, 0}, {RLIMIT_CPU, 77}};
    for (const auto& [resource, value] : wanted) {
        rlimit limit{};
        ASSERT_EQ(::prlimit(child.pid(), resource, nullptr, &limit), 0);
        EXPECT_EQ(limit.rlim_cur, value);
        EXPECT_EQ(limit.rlim_max, value);
    }
}

// A new session, so signals of our terminal do not reach it and its whole group can be ended; no new privileges.
TEST(Spawn, LeadsItsOwnSession) {
    const Waiting child({});
    EXPECT_EQ(::getsid(child.pid()), child.pid());
    EXPECT_EQ(::getpgid(child.pid()), child.pid());
    EXPECT_EQ(test::status_field(child.pid(), "NoNewPrivs"), "1");
}

// Signals that we block or ignore are as usual for the child.
TEST(Spawn, ResetsSignals) {
    sigset_t blocked, before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &blocked, &before);
    const auto old = ::signal(SIGPIPE, SIG_IGN);
    {
        const Waiting child({});
        EXPECT_EQ(test::status_field(child.pid(), "SigBlk"), "0000000000000000");
        EXPECT_EQ(test::status_field(child.pid(), "SigIgn"), "0000000000000000");
    }
    ::signal(SIGPIPE, old);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

// An open file is run even if its name leads nowhere any more.
TEST(Spawn, RunsAnOpenFile) {
    const Fd program(::open("/bin/sh", O_PATH | O_CLOEXEC));
    Command command = shell("echo from the file");
    command.program = "/nonexistent";
    command.executable = program.get();
    EXPECT_EQ(output_of(command), "from the file\n");
}

// When we die, the child hears the chosen signal.
TEST(Spawn, ChildHearsOfTheParentsDeath) {
    Pipe pipe;
    const pid_t parent = ::fork();
    if (parent == 0) {
        Command command{.program = "/bin/sleep", .argv = {"sleep", "1000"}, .parent_death_signal = SIGKILL};
        command.descriptors.emplace_back(1, pipe.write.get());
        spawn(command, "test");
        ::_exit(0);
    }
    pipe.write.reset();
    ::waitpid(parent, nullptr, 0);
    EXPECT_EQ(read_all(pipe.read), "") << "ends when nobody holds the other end any more";
}

// How it ended, in values and in words.
TEST(Reap, TellsHowItEnded) {
    const struct {
        const char* script;
        bool exited;
        int value;
        const char* words;
    } cases[]{
        {"exit 0", true, 0, "exit code 0"},
        {"exit 7", true, 7, "exit code 7"},
        {"kill -SEGV $$", false, SIGSEGV, "signal SIGSEGV"},
        {"kill -KILL $$", false, SIGKILL, "signal SIGKILL"},
        {"kill -40 $$", false, 40, "signal 40"},
    };
    for (const auto& c : cases) {
        const Child child = spawn(shell(c.script), "test");
        const auto ending = reap(child);
        ASSERT_TRUE(ending);
        EXPECT_EQ(ending->exited, c.exited);
        EXPECT_EQ(ending->value, c.value);
        EXPECT_EQ(to_string(*ending), c.words);
        EXPECT_FALSE(reap(child)) << "only once";
    }
    EXPECT_TRUE(no_child_left());
}

// The processor time of the process and of the children it waited for is told at its end.
TEST(Reap, TellsProcessorTime) {
    const Child child = spawn(shell("(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done)"), "test");
    const auto ending = reap(child);
    ASSERT_TRUE(ending);
    EXPECT_GT(ending->cpu_seconds, 0.005);
    EXPECT_LT(ending->cpu_seconds, 30);
}

// A signal goes to the process alone, or to everything it has started.
TEST(Signals, ReachTheProcessOrItsWholeGroup) {
    Pipe pipe;
    Command command = shell("sleep 1000 & trap 'echo heard' TERM; echo started; wait; wait");
    command.descriptors.emplace_back(1, pipe.write.get());
    const Child child = spawn(command, "test");
    pipe.write.reset();
    std::string said;
    const auto read_line = [&] {
        char byte = 0;
        for (said.clear(); ::read(pipe.read.get(), &byte, 1) == 1 && byte != '\n';) said += byte;
        return said;
    };
    EXPECT_EQ(read_line(), "started");
    send_signal(child, SIGTERM);
    EXPECT_EQ(read_line(), "heard");
    kill_group(child, SIGKILL);
    EXPECT_EQ(read_all(pipe.read), "") << "ends when the grandchild is gone, too";
    EXPECT_EQ(reap(child)->value, SIGKILL);
    send_signal(child, SIGTERM);  // nobody there: no news
    send_signal({}, SIGTERM);
    kill_group({}, SIGTERM);
}

// Who is traced is the tracer's first (ptrace(2)): nobody waits for a tracer. Later it can be reaped.
TEST(Reap, WaitsForNoTracer) {
    Pipe traced, let_go;
    const pid_t pid = ::fork();
    if (pid == 0) {
        let_go.write.reset();
        const pid_t target = ::getpid();
        const pid_t tracer = ::fork();
        if (tracer == 0) trace_until(target, traced.write, let_go.read);
        ::prctl(PR_SET_PTRACER, tracer);  // where only that is allowed
        char byte;
        ::_exit(::read(traced.read.get(), &byte, 1) == 1 ? 3 : 4);
    }
    const Child child{pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))};
    let_go.read.reset();
    pollfd end{child.pidfd.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&end, 1, -1), 1);
    EXPECT_FALSE(reap(child)) << "the tracer has it";
    let_go.write.reset();
    std::optional<Ending> ending;
    ASSERT_TRUE(test::eventually([&] { return (ending = reap(child)).has_value(); }));
    EXPECT_EQ(ending->value, 3);
}

}  // namespace portier::proc
