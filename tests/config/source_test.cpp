#include "config/source.hpp"

#include <gtest/gtest.h>

namespace portier::config {
namespace {

std::string problem_of(std::string text) {
    const auto problem = clean_text(text);
    return problem ? problem->message : "";
}

TEST(source, finds_places_in_code_points) {
    const Source source("a.yaml", "one\n\xc3\xa9\xc3\xa9x\n\nlast");
    EXPECT_EQ(source.line(2), "\xc3\xa9\xc3\xa9x");
    EXPECT_EQ(source.line(3), "");
    EXPECT_EQ(source.line(4), "last");
    EXPECT_EQ(source.line(5), "");
    const Place place = source.place(8, 3);
    EXPECT_EQ(place.source, 3U);
    EXPECT_EQ(place.line, 2);
    EXPECT_EQ(place.column, 3);
    EXPECT_EQ(source.byte_column(place), 4U);
    EXPECT_EQ(source.offset(2, 4), 8U);
    EXPECT_EQ(source.offset(99, 4), source.text().size());
}

TEST(source, drops_the_byte_order_mark_and_carriage_returns) {
    std::string text =
        "\xef\xbb\xbf"
        "a: 1\r\nb: 2\r\n";
    EXPECT_FALSE(clean_text(text));
    EXPECT_EQ(text, "a: 1\nb: 2\n");
}

TEST(source, names_what_is_not_text) {
    EXPECT_EQ(problem_of("a: \xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xaa\t\n"), "");
    EXPECT_EQ(problem_of("\xff\xfe"), "the file is UTF-16 text; save it as UTF-8");
    EXPECT_EQ(problem_of(std::string("\0a\0b", 4)), "the file is UTF-16 text; save it as UTF-8");
    EXPECT_EQ(problem_of(std::string("ab\0", 3)), "a NUL byte; a configuration is text");
    EXPECT_EQ(problem_of("a\x1b"), "control byte 0x1b in the text");
    EXPECT_EQ(problem_of("a\rb"), "control byte 0x0d in the text");
    for (const char* bad :
         {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x9a"})
        EXPECT_NE(problem_of(std::string("a") + bad).find("is not valid UTF-8"), std::string::npos);
}

TEST(source, shortens_without_cutting_a_character) {
    EXPECT_EQ(shortened("short"), "short");
    EXPECT_EQ(shortened("abcdefghij", 8), "abcde...");
    EXPECT_EQ(shortened("abcd\xc3\xa9ghij", 8), "abcd...");
    EXPECT_EQ(in_quotes("veg"), "\"veg\"");
}

}  // namespace
}  // namespace portier::config
