#include "config/variables.hpp"

#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

std::string argument(const std::string& text, const std::map<std::string, std::string>& variables) {
    const ScratchFolder folder;
    const std::string file = folder.write(
        "houses.yaml", "version: 1\nhandlers: {veg: {command: [sleep, " + text + "]}}\nports: {7001/tcp: veg}\n");
    const Loaded loaded = load(file, test_host(variables));
    return loaded.config ? loaded.config->handlers[0].command[1] : rendered(loaded, folder.path());
}

TEST(variables, are_replaced_in_values) {
    EXPECT_EQ(argument("\"${A}\"", {{"A", "x"}}), "x");
    EXPECT_EQ(argument("\"a ${A}${B} c\"", {{"A", "1"}, {"B", "2"}}), "a 12 c");
    EXPECT_EQ(argument("'$$5 $${A}'", {}), "$5 ${A}");
    EXPECT_EQ(argument("\"${A:-x y}\"", {}), "x y");
    EXPECT_EQ(argument("\"${A:-x}\"", {{"A", ""}}), "x");
    EXPECT_EQ(argument("\"${A:-x}\"", {{"A", "y"}}), "y");
    EXPECT_EQ(argument("\"${A:-}\"", {}), "");
}

TEST(variables, bring_text_but_no_structure) {
    EXPECT_EQ(argument("\"${A}\"", {{"A", "x, y]"}}), "x, y]");
    EXPECT_EQ(argument("\"${A}\"", {{"A", "${B} $ no"}}), "${B} $ no");
    EXPECT_EQ(argument("\"${A}\"", {{"A", "022"}}), "022");
}

TEST(variables, are_replaced_after_aliases_and_not_below_private_keys) {
    EXPECT_EQ(problems(good_file("", "x-a: ${NOT_SET}\n")), "");
    EXPECT_EQ(
        headlines("version: 1\nx-a: &a ${NOT_SET}\nhandlers: {veg: {command: [sleep, *a]}}\nports: {7001/tcp: veg}\n"),
        "houses.yaml:2:9: error: the environment variable NOT_SET is not set; "
        "set it or give a default: ${NOT_SET:-default}\n");
}

TEST(variables, inside_of_brackets_need_quotes) {
    EXPECT_EQ(headlines("version: 1\nhandlers: {veg: {command: [sleep, ${A}]}}\n"),
              "houses.yaml:2:27: error: this \"[\" is never closed; inside of brackets quote variables: \"${NAME}\"\n");
}

TEST(variables, an_unset_one_is_reported_once) {
    EXPECT_EQ(headlines(good_file(", processes: \"${NOT_SET}\"")),
              "houses.yaml:3:39: error: the environment variable NOT_SET is not set; "
              "set it or give a default: ${NOT_SET:-default}\n");
}

}  // namespace
}  // namespace portier::config
