// Starts that fail, and identities that may not be taken.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "proc/spawn_case.hpp"
#include "support/folder.hpp"

namespace portier::proc {

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
        {with([](Command& c) {
             c.limits = {{9999, 1}};
         }),
         "handler veg: setrlimit: Invalid argument"},
        {with([](Command& c) {
             c.descriptors = {{3, 19999}};
         }),
         "handler veg: dup: Bad file descriptor"},
        // A number that our own limit does not allow.
        {with([](Command& c) {
             c.descriptors = {{2'000'000'000, STDERR_FILENO}};
         }),
         "handler veg: dup: Invalid argument"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(failure_of(c.command), c.wanted);
        EXPECT_TRUE(no_child_left()) << c.wanted;
    }
}

// launch() does not wait: its pipe tells which child failed, and why, before that child's end is seen.
TEST(Launch, TellsOfFailuresByItsPipe) {
    const Pipe reports;
    Command broken = shell("exit 0");
    broken.program = "/no/such";
    const Child runs = launch(shell("exit 3"), "handler veg", reports.write.get());
    const Child fails = launch(broken, "handler veg", reports.write.get());
    pollfd end{fails.pidfd.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&end, 1, 30'000), 1);
    StartFailure failure{};
    ASSERT_EQ(::read(reports.read.get(), &failure, sizeof failure), static_cast<ssize_t>(sizeof failure));
    EXPECT_EQ(failure.pid, fails.pid);
    EXPECT_EQ(to_string(failure, broken.program), "exec /no/such: No such file or directory");
    ::fcntl(reports.read.get(), F_SETFL, O_NONBLOCK);
    EXPECT_EQ(to_string(*reap(fails)), "exit code 127");
    EXPECT_EQ(to_string(*reap(runs)), "exit code 3");
    EXPECT_LT(::read(reports.read.get(), &failure, sizeof failure), 0) << "only what failed is told";
}

// A child that is just being started can be ended like any other, and signals for it are not for us.
TEST(Launch, ChildCanBeEndedAtOnce) {
    static volatile sig_atomic_t ours;
    ours = 0;
    const auto before = ::signal(SIGTERM, [](int) { ours = ours + 1; });
    const Pipe reports;
    for (int round = 0; round < 100; ++round) {
        const Child child = launch(shell("exec sleep 1000"), "handler veg", reports.write.get());
        if (round % 2)
            kill_group(child, SIGKILL);
        else
            send_signal(child, SIGTERM);
        const auto ending = reap(child);
        ASSERT_TRUE(ending);
        EXPECT_EQ(to_string(*ending), round % 2 ? "signal SIGKILL" : "signal SIGTERM");
    }
    EXPECT_EQ(ours, 0);
    ::signal(SIGTERM, before);
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

// Ambient capabilities, which systemd gives to somebody who is not root, would otherwise outlive the exec.
TEST(SpawnIdentity, PassesOnNoAmbientCapabilities) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct own[2]{};
    ASSERT_EQ(::syscall(SYS_capget, &header, own), 0);
    __user_cap_data_struct inheritable[2]{own[0], own[1]};
    inheritable[0].inheritable |= own[0].permitted & (1u << CAP_NET_BIND_SERVICE);
    ASSERT_EQ(::syscall(SYS_capset, &header, inheritable), 0);
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
    const Waiting child({});
    EXPECT_EQ(test::status_field(child.pid(), "CapAmb"), "0000000000000000");
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    EXPECT_EQ(::syscall(SYS_capset, &header, own), 0);
}

}  // namespace portier::proc
