#include "config/field.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace portier::config {
namespace {

TEST(field, says_what_it_expects) {
    EXPECT_EQ(expected({.key = "a", .kind = Kind::integer, .help = "", .min = 1, .max = 5}),
              "a whole number from 1 to 5");
    EXPECT_EQ(expected({.key = "a", .kind = Kind::size, .help = "", .min = 1024}), "a size, at least 1KiB");
    EXPECT_EQ(expected({.key = "a", .kind = Kind::word, .help = "", .words = {"x", "y"}}), "x, y");
}

TEST(field, prints_values_as_yaml) {
    EXPECT_EQ(to_yaml({.key = "a", .kind = Kind::signal, .help = ""}, std::uint64_t{SIGQUIT}), "SIGQUIT");
    EXPECT_EQ(to_yaml({.key = "a", .kind = Kind::texts, .help = ""}, std::vector<std::string>{"a b", "no"}),
              "[\"a b\", \"no\"]");
    EXPECT_EQ(to_yaml({.key = "a", .kind = Kind::text, .help = ""}, Value{}), "");
}

TEST(field, escapes_text_so_that_it_reads_back) {
    EXPECT_EQ(yaml_text("5$ \"x\" \\ \n\x7f"), "\"5$$ \\\"x\\\" \\\\ \\x0a\\x7f\"");
}

TEST(field, applies_where_its_scope_says) {
    const Field anywhere{.key = "a", .help = ""};
    const Field tcp_handoff{
        .key = "b", .help = "", .scope = {.deliveries = {Delivery::handoff}, .protocols = {Protocol::tcp}}};
    EXPECT_TRUE(applies(anywhere, Delivery::inherit, Protocol::udp));
    EXPECT_TRUE(applies(tcp_handoff, Delivery::handoff, Protocol::tcp));
    EXPECT_FALSE(applies(tcp_handoff, Delivery::inherit, Protocol::tcp));
    EXPECT_FALSE(applies(tcp_handoff, Delivery::handoff, Protocol::udp));
}

}  // namespace
}  // namespace portier::config
