#include "proc/descriptor_limit.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace portier::proc {

// All that we may have is ours, and what we had before is remembered for others.
TEST(DescriptorLimit, IsRaisedAndRemembered) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    raise_descriptor_limit();
    rlimit after{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
    EXPECT_EQ(after.rlim_cur, before.rlim_max);
    EXPECT_EQ(after.rlim_max, before.rlim_max);
    EXPECT_EQ(former_descriptor_limit(), before.rlim_cur);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace portier::proc
