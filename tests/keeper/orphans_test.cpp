#include "keeper/orphans.hpp"

#include <sys/prctl.h>

#include "keeper/stage.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

namespace {

class OrphansTest : public Stage {
protected:
    ~OrphansTest() override { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }

    // A process that leaves `count` children behind, each ending a little later.
    proc::Child leave_orphans(int count) {
        const std::string script =
            "i=0; while [ $i -lt " + std::to_string(count) + " ]; do sleep 0.0$i & i=$((i+1)); done; exit 7";
        return proc::spawn({.program = "/bin/sh", .argv = {"sh", "-c", script}}, "test");
    }

    // Our children, zombies included.
    static std::vector<pid_t> children() {
        std::istringstream text(test::proc_file(::getpid(), "task/" + std::to_string(::getpid()) + "/children"));
        return {std::istream_iterator<pid_t>(text), {}};
    }
};

}  // namespace

// A subreaper's orphans are reaped, also those that end later; how our own child ended is still ours to learn.
TEST_F(OrphansTest, AreReapedAndOurChildrenAreNot) {
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    const proc::Child ours = leave_orphans(0);
    const proc::Child forgotten = leave_orphans(5);
    bool done = false;
    Orphans orphans(io_, [&](pid_t pid) { return pid == ours.pid && !done; });
    ASSERT_TRUE(test::eventually([&] { return is_gone(ours.pid); }));
    orphans.start();
    const auto ending = proc::reap(ours);
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->value, 7);
    done = true;
    EXPECT_TRUE(run_until([&] { return children().empty(); }));
}

// Also where this is nobody's reaper a child that nobody waits for any more, as one that a tracer had, does not stay.
TEST_F(OrphansTest, OwnChildrenThatNobodyOwnsAreReaped) {
    const proc::Child child = leave_orphans(0);
    ASSERT_TRUE(test::eventually([&] { return is_gone(child.pid); }));
    bool owned = true;
    Orphans orphans(io_, [&](pid_t) { return owned; });
    orphans.start();
    EXPECT_EQ(children(), std::vector<pid_t>{child.pid});
    owned = false;
    EXPECT_TRUE(run_until([&] { return children().empty(); }));
}

}  // namespace portier::keeper
