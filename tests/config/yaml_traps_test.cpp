#include "config/yaml_traps.hpp"

#include <gtest/gtest.h>

namespace portier::config {
namespace {

TEST(yaml_traps, knows_how_others_read_ambiguous_words_and_numbers) {
    EXPECT_EQ(other_reading("no"), "false");
    EXPECT_EQ(other_reading("Off"), "false");
    EXPECT_EQ(other_reading("YES"), "true");
    EXPECT_EQ(other_reading("on"), "true");
    EXPECT_EQ(other_reading("022"), "the number 18");
    EXPECT_EQ(other_reading("22:22"), "the number 1342");
    EXPECT_EQ(other_reading("1e3"), "the number 1000");
    EXPECT_EQ(other_reading("0x1F"), "the number 31");
    EXPECT_EQ(other_reading("0o17"), "the number 15");
    EXPECT_EQ(other_reading("0b11"), "the number 3");
    EXPECT_EQ(other_reading("1_000"), "the number 1000");
}

TEST(yaml_traps, lets_plain_text_and_numbers_pass) {
    for (const char* text : {"",    "0",     "7",        "8080", "1.5",
                             "veg", "none",  "one",      "08",   "0x",
                             "12:", "1:2:x", "10.0.0.1", "::1",  "--no",
                             "e3",  "1e",    "7001/tcp", "true", "123456789012345678901234567890123"})
        EXPECT_EQ(other_reading(text), std::nullopt) << text;
}

}  // namespace
}  // namespace portier::config
