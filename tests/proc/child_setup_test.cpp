// Descriptors of a child: exactly the declared ones, wherever their sources lie.
#include <sys/resource.h>

#include "proc/spawn_case.hpp"

namespace portier::proc {

// Without any, a program has /dev/null three times and nothing else, whatever we have open.
TEST(ChildSetup, AreNoneByDefault) {
    const Pipe unrelated;
    const Fd without_cloexec(::dup(unrelated.read.get()));
    Waiting({}).expect_descriptors({});
}

// Holes between declared numbers stay empty, even where we have something open ourselves.
TEST(ChildSetup, LeaveHoles) {
    const Pipe a, b;
    const Fd in_the_hole(::fcntl(a.read.get(), F_DUPFD, 3));
    Waiting({.descriptors = {{3, a.read.get()}, {7, b.write.get()}, {40, a.write.get()}}})
        .expect_descriptors({{3, test::target_of(a.read.get())},
                             {7, test::target_of(b.write.get())},
                             {40, test::target_of(a.write.get())}});
}

// Sources that sit on each other's destinations are not mixed up.
TEST(ChildSetup, CanSwapPlaces) {
    const Pipe a, b;
    const int one = a.read.get(), two = b.read.get(), three = a.write.get();
    Waiting({.descriptors = {{one, two}, {two, three}, {three, one}}})
        .expect_descriptors(
            {{one, test::target_of(two)}, {two, test::target_of(three)}, {three, test::target_of(one)}});
}

// One source may be given at several numbers, the standard ones too.
TEST(ChildSetup, CanBeGivenTwice) {
    const Pipe pipe;
    const std::string target = test::target_of(pipe.write.get());
    Waiting({.descriptors = {{1, pipe.write.get()}, {2, pipe.write.get()}, {3, pipe.write.get()}}})
        .expect_descriptors({{1, target}, {2, target}, {3, target}});
}

// Our own standard descriptors can be passed on and replaced at the same time.
TEST(ChildSetup, StandardOnesCanBeSources) {
    const Pipe pipe;
    Waiting({.descriptors = {{5, STDERR_FILENO}, {2, pipe.write.get()}}})
        .expect_descriptors({{5, test::target_of(STDERR_FILENO)}, {2, test::target_of(pipe.write.get())}});
}

// A limit of descriptors need not leave room for the way in which they are placed.
TEST(ChildSetup, FitInTheLimitThatTheProgramGets) {
    const Pipe pipe;
    Command command;
    command.limits = {{RLIMIT_NOFILE, 110}};
    std::map<int, std::string> wanted;
    for (int number = 3; number < 103; ++number) {
        command.descriptors.emplace_back(number, pipe.read.get());
        wanted[number] = test::target_of(pipe.read.get());
    }
    Waiting(command).expect_descriptors(wanted);
}

// A port range for `inherit` is thousands of them.
TEST(ChildSetup, CanBeThousands) {
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
TEST(ChildSetup, TooManyAreRefused) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    Command command = shell("exit 0");
    for (rlim_t number = 3; number < limit.rlim_cur; ++number) command.descriptors.emplace_back(number, STDERR_FILENO);
    EXPECT_EQ(failure_of(command), "handler veg: dup: Invalid argument");
    EXPECT_TRUE(no_child_left());
}

// Nothing of ours stays open after a start, nor after a start that failed.
TEST(ChildSetup, LeaveNoneBehindHere) {
    const std::size_t before = own_descriptors();
    output_of(shell("echo"));
    failure_of({.program = "/nonexistent", .argv = {"x"}});
    EXPECT_EQ(own_descriptors(), before);
}

}  // namespace portier::proc
