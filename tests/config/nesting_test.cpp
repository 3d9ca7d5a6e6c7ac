#include "config/nesting.hpp"

#include <gtest/gtest.h>

namespace portier::config {
namespace {

std::string repeated(const std::string& text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

TEST(nesting, counts_brackets_up_to_the_limit) {
    EXPECT_FALSE(check_nesting("a: " + repeated("[", 64) + repeated("]", 64)));
    const auto problem = check_nesting("a: " + repeated("[", 65));
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->offset, 67U);
    EXPECT_EQ(problem->message, "nested deeper than 64 levels");
    EXPECT_TRUE(check_nesting(repeated("{a: ", 65)));
    EXPECT_TRUE(check_nesting(repeated("&a !b [", 65)));
    EXPECT_TRUE(check_nesting(repeated("{\"a\":", 65)));
}

TEST(nesting, counts_the_entries_of_brackets) {
    EXPECT_FALSE(check_nesting("a: [" + repeated("b,", 90000) + "]"));
    EXPECT_TRUE(check_nesting("a: [" + repeated("b,", 100001) + "]"));
}

TEST(nesting, leaves_text_and_comments_alone) {
    const std::string many = repeated("[", 100);
    EXPECT_FALSE(check_nesting("a: \"" + many + "\""));
    EXPECT_FALSE(check_nesting("a: '" + many + "''" + many + "'"));
    EXPECT_FALSE(check_nesting("a: \"\\\"" + many + "\""));
    EXPECT_FALSE(check_nesting("a: x" + many));
    EXPECT_FALSE(check_nesting("# " + many + "\na: 1 # " + many));
    EXPECT_FALSE(check_nesting("{\"a\":\"" + many + "\"}"));
    EXPECT_FALSE(check_nesting(repeated("a: it's [x\n", 100)));
}

}  // namespace
}  // namespace portier::config
