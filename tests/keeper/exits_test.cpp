#include "keeper/exits.hpp"

#include <gtest/gtest.h>
#include <signal.h>

namespace portier::keeper {

// The codes that programs agree on have a counter each; processor time is added up.
TEST(CountExit, CountsByCode) {
    metrics::HandlerRow row;
    for (const int code : {0, 0, 1, 2, 126, 127, 3, 255})
        count_exit(row, proc::Ending{.value = code, .cpu_seconds = 0.5});
    count_exit(row, proc::Ending{.exited = false, .value = SIGSEGV});
    count_exit(row, std::nullopt);
    std::vector<std::uint64_t> counts;
    for (const metrics::Counter& counter : row.exits) counts.push_back(counter.get());
    EXPECT_EQ(counts, (std::vector<std::uint64_t>{2, 1, 1, 1, 1, 3, 1, 0}));
    EXPECT_EQ(row.ended_cpu_microseconds.get(), 4'000'000u);
}

}  // namespace portier::keeper
