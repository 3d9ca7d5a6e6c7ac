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

Handler handler(Delivery delivery) {
    Handler one;
    one.delivery = delivery;
    return one;
}

TEST(field, applies_where_its_scope_says) {
    const Field anywhere{.key = "a", .help = ""};
    const Field accepting{
        .key = "b", .help = "", .scope = {.tcp = {Delivery::handoff, Delivery::spawn}, .udp = {}, .accepting = true}};
    EXPECT_TRUE(applies(anywhere, handler(Delivery::inherit), Protocol::udp));
    EXPECT_TRUE(applies(accepting, handler(Delivery::handoff), Protocol::tcp));
    EXPECT_FALSE(applies(accepting, handler(Delivery::inherit), Protocol::tcp));
    EXPECT_FALSE(applies(accepting, handler(Delivery::handoff), Protocol::udp));
    EXPECT_EQ(deliveries_of(accepting, Protocol::tcp), "delivery handoff or spawn");
    EXPECT_EQ(deliveries_of(accepting, Protocol::udp), "");
    Handler spawn = handler(Delivery::spawn);
    EXPECT_TRUE(applies(accepting, spawn, Protocol::tcp));
    spawn.style = Style::inetd_wait;
    EXPECT_FALSE(applies(accepting, spawn, Protocol::tcp));
}

TEST(field, of_processes_applies_to_a_relay_with_a_command) {
    const Field field{.key = "a", .help = "", .scope = {.processes = true}};
    Handler relay = handler(Delivery::relay);
    EXPECT_FALSE(applies(field, relay));
    relay.command = {"redis-server"};
    EXPECT_TRUE(applies(field, relay));
    EXPECT_TRUE(applies(field, handler(Delivery::spawn)));
}

TEST(field, has_a_word_for_zero) {
    const Field field{.key = "a", .kind = Kind::integer, .help = "", .min = 1, .max = 5, .zero = "auto"};
    EXPECT_EQ(expected(field), "auto or a whole number from 1 to 5");
    EXPECT_EQ(to_yaml(field, std::uint64_t{0}), "auto");
    EXPECT_EQ(to_yaml(field, std::uint64_t{3}), "3");
}

}  // namespace
}  // namespace portier::config
