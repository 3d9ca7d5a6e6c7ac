#include "keeper/start_reports.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/processes.hpp"

namespace portier::keeper {

// Each failure is told once, to whom it concerns, in whatever order they are asked for.
TEST(StartReports, TellEachFailureOnce) {
    StartReports reports;
    EXPECT_FALSE(reports.take(1));
    for (const pid_t pid : {1, 2, 3}) {
        const proc::StartFailure failure{pid, 10 + pid, "exec"};
        ASSERT_EQ(::write(reports.write_end(), &failure, sizeof failure), static_cast<ssize_t>(sizeof failure));
    }
    EXPECT_FALSE(reports.take(4));
    for (const pid_t pid : {3, 1, 2}) {
        const auto failure = reports.take(pid);
        ASSERT_TRUE(failure);
        EXPECT_EQ(failure->error, 10 + pid);
        EXPECT_STREQ(failure->step, "exec");
        EXPECT_FALSE(reports.take(pid));
    }
}

// From a real child, before its end can be seen.
TEST(StartReports, ComeFromChildren) {
    StartReports reports;
    const proc::Child child = proc::launch({.program = "/no/such", .argv = {"x"}}, "handler veg", reports.write_end());
    ASSERT_TRUE(proc::reap(child));
    const auto failure = reports.take(child.pid);
    ASSERT_TRUE(failure);
    EXPECT_EQ(proc::to_string(*failure, "/no/such"), "exec /no/such: No such file or directory");
}

}  // namespace portier::keeper
