#include "config/host.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

namespace portier::config {
namespace {

TEST(host, describes_this_process) {
    const Host host = this_host();
    EXPECT_EQ(host.user, ::geteuid());
    EXPECT_LE(host.first_unprivileged_port, 65536U);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(host.hard_limit(RLIMIT_NOFILE), limit.rlim_max);
}

TEST(host, looks_variables_up) {
    ASSERT_EQ(::setenv("PORTIER_HOST_TEST", "value", 1), 0);
    EXPECT_EQ(this_host().variable("PORTIER_HOST_TEST"), "value");
    ASSERT_EQ(::unsetenv("PORTIER_HOST_TEST"), 0);
    EXPECT_EQ(this_host().variable("PORTIER_HOST_TEST"), std::nullopt);
}

}  // namespace
}  // namespace portier::config
