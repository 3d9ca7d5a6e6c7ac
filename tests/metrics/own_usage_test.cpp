#include "metrics/own_usage.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.hpp"

namespace portier::metrics {

// The row describes the calling process: who it is, since when, what it uses and may use.
TEST(OwnUsage, FillsTheRow) {
    RoleRow row;
    const std::uint64_t before = wall_milliseconds();
    record_own_usage(row);
    EXPECT_EQ(row.pid.get(), static_cast<std::uint64_t>(::getpid()));
    EXPECT_GE(row.started_ms.get(), before);
    EXPECT_LE(row.started_ms.get(), wall_milliseconds());
    EXPECT_GT(row.resident_bytes.get(), 1u << 20);
    EXPECT_GT(row.virtual_bytes.get(), row.resident_bytes.get());
    EXPECT_GE(row.open_fds.get(), 3u);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    EXPECT_EQ(row.max_fds.get(), limit.rlim_cur);
}

// The start time stays over many records, and is another one when another process writes the row: a new router.
TEST(OwnUsage, StartTimeIsThatOfTheProcess) {
    RoleRow row;
    row.pid.set(static_cast<std::uint64_t>(::getpid()));
    row.started_ms.set(12345);
    record_own_usage(row);
    EXPECT_EQ(row.started_ms.get(), 12345u);

    const pid_t child = ::fork();
    if (child == 0) {
        record_own_usage(row);
        const bool renewed = row.pid.get() == static_cast<std::uint64_t>(::getpid()) && row.started_ms.get() != 12345;
        ::_exit(renewed ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

}  // namespace portier::metrics
