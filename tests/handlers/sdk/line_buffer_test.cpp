// Lines from a stream, whatever the pieces, and never more than allowed.
#include "sdk/line_buffer.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace portier::sdk {
namespace {

std::vector<std::string> lines(LineBuffer& buffer) {
    std::vector<std::string> result;
    while (const auto line = buffer.next()) result.emplace_back(*line);
    return result;
}

TEST(LineBuffer, EveryPieceSizeGivesTheSameLines) {
    const std::string stream = "one\ntwo\r\n\n\r\nthree\rfour\nrest";
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        LineBuffer buffer(20);
        std::vector<std::string> all;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            buffer.append(std::string_view(stream).substr(at, piece));
            for (const std::string& line : lines(buffer)) all.push_back(line);
        }
        EXPECT_EQ(all, (std::vector<std::string>{"one", "two", "", "", "three\rfour"})) << piece;
        EXPECT_EQ(buffer.rest(), "rest");
        EXPECT_FALSE(buffer.too_long());
    }
}

TEST(LineBuffer, TheLongestLineIsAllowed) {
    LineBuffer buffer(4);
    buffer.append("1234\n1234");
    EXPECT_EQ(lines(buffer), std::vector<std::string>{"1234"});
    EXPECT_FALSE(buffer.too_long());
    buffer.append("5");
    EXPECT_TRUE(buffer.too_long());
}

TEST(LineBuffer, AfterTooLongALineNothingFollows) {
    LineBuffer buffer(4);
    buffer.append("ok\n12345\nok\n");
    EXPECT_EQ(lines(buffer), std::vector<std::string>{"ok"});
    EXPECT_TRUE(buffer.too_long());
}

}  // namespace
}  // namespace portier::sdk
