#include "config/decode.hpp"

#include <gtest/gtest.h>

#include "config/field_checks.hpp"
#include "config/scratch.hpp"

namespace portier::config {
namespace {

Field field(Kind kind) {
    return {.key = "key", .kind = kind, .help = "", .min = 1, .max = 5000, .words = {"one", "two"}};
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

TEST(decode, a_nul_byte_would_cut_the_text_and_is_refused) {
    EXPECT_FALSE(decoded(field(Kind::text), "\"10\\0rest\""));
    EXPECT_FALSE(decoded(field(Kind::texts), "[a, \"10\\0rest\"]"));
    EXPECT_FALSE(decoded(field(Kind::variables), "{A: \"10\\0rest\"}"));
    EXPECT_FALSE(decoded(field(Kind::variables), "{\"A\\0B\": c}"));
    EXPECT_NE(headlines(good_file(", env: {A: \"10\\0rest\"}")).find("env.A: \"10\\x00rest\" holds a NUL byte"),
              std::string::npos);
}

TEST(decode, variables_of_the_contracts_are_not_overridden) {
    for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "PORTIER_FD", "NOTIFY_SOCKET",
                             "WATCHDOG_USEC", "WATCHDOG_PID", "NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE"}) {
        const std::string env = "env: {" + std::string(name) + ": \"3\"}";
        EXPECT_NE(headlines(good_file(", " + env)).find("is set by portier itself"), std::string::npos) << name;
    }
    EXPECT_EQ(headlines(good_file(", env: {LISTEN: \"3\"}")), "");
}

TEST(decode, suggests_a_signal_by_its_short_name) {
    EXPECT_NE(headlines(good_file(", stop: {signal: TERM}")).find("did you mean \"SIGTERM\"?"), std::string::npos);
    EXPECT_NE(headlines(good_file(", stop: {signal: quit}")).find("did you mean \"SIGQUIT\"?"), std::string::npos);
}

TEST(decode, suggests_the_nearest_word) {
    EXPECT_EQ(did_you_mean("handof", {"handoff", "inherit"}), "did you mean \"handoff\"?");
    EXPECT_EQ(did_you_mean("something", {"handoff", "inherit"}), "");
}

}  // namespace
}  // namespace portier::config
