#include "proc/spawn.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <system_error>

#include "support/folder.hpp"
#include "support/processes.hpp"
#include "support/wait.hpp"

namespace portier::proc {

namespace {

struct Pipe {
    Pipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        read = Fd(ends[0]);
        write = Fd(ends[1]);
    }
    Fd read, write;
};

Command shell(const std::string& script) {
    return {.program = "/bin/sh", .argv = {"sh", "-c", script}, .environment = {{"PATH", "/usr/bin:/bin"}}};
}

std::string read_all(const Fd& fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(size));
    return text;
}

// Runs a script to its end and gives back what it printed.
std::string output_of(Command command) {
    Pipe pipe;
    command.descriptors.emplace_back(STDOUT_FILENO, pipe.write.get());
    const Child child = spawn(command, "test");
    pipe.write.reset();
    const std::string text = read_all(pipe.read);
    reap(child);
    return text;
}

std::string failure_of(const Command& command) {
    try {
        const Child child = spawn(command, "handler veg");
        kill_group(child, SIGKILL);
        reap(child);
    } catch (const std::system_error& error) {
        return error.what();
    }
    return "it started";
}

bool no_child_left() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

std::size_t own_descriptors() { return test::open_descriptors(::getpid()).size(); }

// A process (cat) that stays until its input ends, to be looked at from outside.
class Waiting {
public:
    explicit Waiting(Command command) {
        command.program = "/bin/cat";
        command.argv = {"cat"};
        command.descriptors.emplace_back(STDIN_FILENO, input_.read.get());
        child_ = spawn(command, "test");
    }
    ~Waiting() {
        input_.write.reset();
        const auto ending = reap(child_);
        EXPECT_TRUE(ending && ending->exited && ending->value == 0);
    }

    pid_t pid() const { return child_.pid; }
    std::string input() const { return test::target_of(input_.read.get()); }

    void expect_descriptors(std::map<int, std::string> wanted) const {
        wanted.try_emplace(0, input());
        wanted.try_emplace(1, "/dev/null");
        wanted.try_emplace(2, "/dev/null");
        // Later than exec: the dynamic linker opens libraries for a moment.
        std::map<int, std::string> got;
        test::eventually([&] { return (got = test::open_descriptors(pid())) == wanted; });
        EXPECT_EQ(got, wanted);
    }

private:
    Pipe input_;
    Child child_;
};

}  // namespace

// Descriptors: exactly the declared ones, wherever their sources lie.

// Without any, a program has /dev/null three times and nothing else, whatever we have open.
TEST(SpawnDescriptors, AreNoneByDefault) {
    const Pipe unrelated;
    const Fd without_cloexec(::dup(unrelated.read.get()));
    Waiting({}).expect_descriptors({});
}

// Holes between declared numbers stay empty, even where we have something open ourselves.
TEST(SpawnDescriptors, LeaveHoles) {
    const Pipe a, b;
    const Fd in_the_hole(::fcntl(a.read.get(), F_DUPFD, 3));
    Waiting({.descriptors = {{3, a.read.get()}, {7, b.write.get()}, {40, a.write.get()}}})
        .expect_descriptors({{3, test::target_of(a.read.get())},
                             {7, test::target_of(b.write.get())},
                             {40, test::target_of(a.write.get())}});
}

// Sources that sit on each other's destinations are not mixed up.
TEST(SpawnDescriptors, CanSwapPlaces) {
    const Pipe a, b;
    const int one = a.read.get(), two = b.read.get(), three = a.write.get();
    Waiting({.descriptors = {{one, two}, {two, three}, {three, one}}})
        .expect_descriptors({{one, test::target_of(two)}, {two, test::target_of(three)}, {three, test::target_of(one)}});
}

// One source may be given at several numbers, the standard ones too.
TEST(SpawnDescriptors, CanBeGivenTwice) {
    const Pipe pipe;
    const std::string target = test::target_of(pipe.write.get());
    Waiting({.descriptors = {{1, pipe.write.get()}, {2, pipe.write.get()}, {3, pipe.write.get()}}})
        .expect_descriptors({{1, target}, {2, target}, {3, target}});
}

// Our own standard descriptors can be passed on and replaced at the same time.
TEST(SpawnDescriptors, StandardOnesCanBeSources) {
    const Pipe pipe;
    Waiting({.descriptors = {{5, STDERR_FILENO}, {2, pipe.write.get()}}})
        .expect_descriptors({{5, test::target_of(STDERR_FILENO)}, {2, test::target_of(pipe.write.get())}});
}

// A port range for `inherit` is thousands of them.
TEST(SpawnDescriptors, CanBeThousands) {
    const Pipe pipe;
    Command command;
    std::map<int, std::string> wanted;
    for (int number = 3; number < 5003; ++number) {
        command.descriptors.emplace_back(number, pipe.read.get());
        wanted[number] = test::target_of(pipe.read.get());
    }
    Waiting(command).expect_descriptors(wanted);
}

// More than there can be is an error that says so, not a broken child.
TEST(SpawnDescriptors, TooManyAreRefused) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    Command command = shell("exit 0");
    for (rlim_t number = 3; number < limit.rlim_cur; ++number) command.descriptors.emplace_back(number, STDERR_FILENO);
    EXPECT_EQ(failure_of(command), "handler veg: dup: Invalid argument");
    EXPECT_TRUE(no_child_left());
}

// Nothing of ours stays open after a start, nor after a start that failed.
TEST(SpawnDescriptors, LeaveNoneBehindHere) {
    const std::size_t before = own_descriptors();
    output_of(shell("echo"));
    failure_of({.program = "/nonexistent", .argv = {"x"}});
    EXPECT_EQ(own_descriptors(), before);
}

// Environment, place, limits, signals.

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

// Failures.

// Each step that can fail says its name and why; no process and no zombie is left.
TEST(SpawnFailure, NamesTheStep) {
    const test::Folder folder;
    const std::string text = folder.write("text", "no program");
    const auto with = [](auto change) {
        Command command = shell("exit 0");
        change(command);
        return command;
    };
    const struct {
        Command command;
        std::string wanted;
    } cases[]{
        {{.program = "/no/such", .argv = {"x"}}, "handler veg: exec /no/such: No such file or directory"},
        {{.program = text, .argv = {"x"}}, "handler veg: exec " + text + ": Permission denied"},
        {with([](Command& c) { c.working_directory = "/no/such"; }), "handler veg: chdir: No such file or directory"},
        {with([](Command& c) { c.limits = {{9999, 1}}; }), "handler veg: setrlimit: Invalid argument"},
        {with([](Command& c) { c.descriptors = {{3, 19999}}; }), "handler veg: dup: Bad file descriptor"},
        // A limit that leaves no room for the declared descriptors.
        {with([](Command& c) {
             c.limits = {{RLIMIT_NOFILE, 4}};
             c.descriptors = {{3, STDERR_FILENO}};
         }),
         "handler veg: dup: Invalid argument"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(failure_of(c.command), c.wanted);
        EXPECT_TRUE(no_child_left()) << c.wanted;
    }
}

// Identity.

// Users and groups are looked up by name; unknown ones are no identity.
TEST(FindIdentity, LooksUpUsersAndGroups) {
    const auto root = find_identity("root", "");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->uid, 0u);
    EXPECT_EQ(root->gid, 0u);
    EXPECT_EQ(root->user, "root");
    EXPECT_EQ(root->home, "/root");
    const auto daemon = find_identity("daemon", "nogroup");
    ASSERT_TRUE(daemon);
    EXPECT_EQ(daemon->uid, 1u);
    EXPECT_EQ(daemon->gid, 65534u);
    EXPECT_EQ(daemon->groups, std::vector<gid_t>{65534});
    EXPECT_FALSE(find_identity("no-such-user", ""));
    EXPECT_FALSE(find_identity("root", "no-such-group"));
}

// As root the program runs as the declared user in every respect; otherwise the start is refused.
TEST(SpawnIdentity, BecomesTheUserOrRefuses) {
    Command command;
    command.identity = {.uid = 1, .gid = 2, .groups = {3, 4}, .user = "daemon", .home = "/"};
    if (::geteuid() != 0) {
        command.program = "/bin/sh";
        command.argv = {"sh"};
        EXPECT_EQ(failure_of(command), "handler veg: setgroups: Operation not permitted");
        return;
    }
    const Waiting child(command);
    EXPECT_EQ(test::status_field(child.pid(), "Uid"), "1\t1\t1\t1");
    EXPECT_EQ(test::status_field(child.pid(), "Gid"), "2\t2\t2\t2");
    EXPECT_EQ(test::status_field(child.pid(), "Groups"), "3 4 ");
    EXPECT_EQ(test::status_field(child.pid(), "CapEff"), "0000000000000000");
}

// Dropped capabilities are gone from every set, so that nothing can bring them back.
TEST(SpawnIdentity, DropsCapabilities) {
    const Waiting child({.drop_capabilities = true});
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
        EXPECT_EQ(test::status_field(child.pid(), set), "0000000000000000") << set;
    // The bounding set is root's to change; without root it has no effect, because of NoNewPrivs.
    if (::geteuid() == 0) {
        EXPECT_EQ(test::status_field(child.pid(), "CapBnd"), "0000000000000000");
    }
}

// The end of a process.

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

}  // namespace portier::proc
