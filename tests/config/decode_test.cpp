#include "config/decode.hpp"

#include <gtest/gtest.h>

#include "config/field_checks.hpp"

namespace portier::config {
namespace {

Field field(Kind kind) {
    return {.key = "key",
            .kind = kind,
            .help = "",
            .min = 1,
            .max = 5000,
            .words = {"one", "two"},
            .planned_words = {"three"}};
}

TEST(decode, takes_values_by_the_type_of_the_field) {
    EXPECT_EQ(decoded(field(Kind::integer), "12"), Value(std::uint64_t{12}));
    EXPECT_EQ(decoded(field(Kind::integer), "\"12\""), Value(std::uint64_t{12}));
    EXPECT_EQ(decoded(field(Kind::text), "12"), Value(std::string("12")));
    EXPECT_EQ(decoded(field(Kind::boolean), "true"), Value(true));
    EXPECT_EQ(decoded(field(Kind::duration), "2s"), Value(std::uint64_t{2000}));
    EXPECT_EQ(decoded(field(Kind::word), "two"), Value(std::uint64_t{1}));
    EXPECT_EQ(decoded(field(Kind::texts), "[a, 7, \"no\"]"), Value(std::vector<std::string>{"a", "7", "no"}));
    EXPECT_EQ(decoded(field(Kind::variables), "{A: b, C: \"\"}"),
              Value(std::map<std::string, std::string>{{"A", "b"}, {"C", ""}}));
}

TEST(decode, refuses_values_beyond_the_range) {
    EXPECT_FALSE(decoded(field(Kind::integer), "0"));
    EXPECT_FALSE(decoded(field(Kind::integer), "5001"));
    EXPECT_FALSE(decoded(field(Kind::duration), "6s"));
    EXPECT_FALSE(decoded(field(Kind::seconds), "1500ms"));
    EXPECT_TRUE(decoded(field(Kind::seconds), "2s"));
}

TEST(decode, never_guesses) {
    for (const char* text : {"no", "yes", "on", "1", "True", "TRUE", "~", "\"\""})
        EXPECT_FALSE(decoded(field(Kind::boolean), text)) << text;
    for (const char* text : {"022", "0x1F", "1e3", "22:22", "1_000", "+5", "five", "1.0", "~"})
        EXPECT_FALSE(decoded(field(Kind::integer), text)) << text;
    for (const char* text : {"no", "022", "0x1F", "1e3", "22:22", "~", "null", "[a]", "{a: b}"})
        EXPECT_FALSE(decoded(field(Kind::text), text)) << text;
    EXPECT_EQ(decoded(field(Kind::text), "'022'"), Value(std::string("022")));
    for (const char* text : {"three", "four", "One"}) EXPECT_FALSE(decoded(field(Kind::word), text)) << text;
    for (const char* text : {"a", "{a: b}", "[[a]]", "[no]", "[~]"})
        EXPECT_FALSE(decoded(field(Kind::texts), text)) << text;
}

TEST(decode, suggests_the_nearest_word) {
    EXPECT_EQ(did_you_mean("handof", {"handoff", "inherit"}), "did you mean \"handoff\"?");
    EXPECT_EQ(did_you_mean("something", {"handoff", "inherit"}), "");
}

}  // namespace
}  // namespace portier::config
