#include <gtest/gtest.h>

#include "config/config.hpp"

namespace portier::config {
namespace {

TEST(words, are_spelt_as_in_the_file) {
    EXPECT_STREQ(to_string(Protocol::tcp), "tcp");
    EXPECT_STREQ(to_string(Protocol::udp), "udp");
    EXPECT_STREQ(to_string(Delivery::handoff), "handoff");
    EXPECT_STREQ(to_string(Delivery::inherit), "inherit");
    EXPECT_STREQ(to_string(Balance::round_robin), "round-robin");
    EXPECT_STREQ(to_string(Balance::least_connections), "least-connections");
    EXPECT_STREQ(to_string(Balance::source_hash), "source-hash");
}

}  // namespace
}  // namespace portier::config
