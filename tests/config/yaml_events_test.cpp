#include "config/yaml_events.hpp"

#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

TEST(yaml_events, reports_duplicates_with_their_path_and_both_places) {
    EXPECT_EQ(problems("version: 1\nhandlers:\n  veg: {command: [sleep]}\n  veg: {command: [sleep]}\n"
                       "ports: {7001/tcp: veg}\n"),
              "houses.yaml:4:3: error: handlers.veg: the key \"veg\" is written twice in one map\n"
              "    4 |   veg: {command: [sleep]}\n"
              "      |   ^~~\n"
              "houses.yaml:3:3: note: first written here\n"
              "    3 |   veg: {command: [sleep]}\n"
              "      |   ^\n");
}

TEST(yaml_events, an_alias_may_be_a_key) {
    EXPECT_EQ(
        problems("version: 1\nx-name: &name veg\nhandlers:\n  *name : {command: [sleep]}\nports: {7001/tcp: *name}\n"),
        "");
}

TEST(yaml_events, refuses_what_it_cannot_mean) {
    EXPECT_NE(headlines(good_file() + "x-a: &x [*x]\n").find("stands inside of what it names"), std::string::npos);
    EXPECT_NE(headlines(good_file() + "? {a: b}\n: c\n").find("a key must be text"), std::string::npos);
    EXPECT_NE(headlines(good_file() + "x-a: {<<: {b: c}}\n").find("merge keys"), std::string::npos);
    EXPECT_NE(headlines(good_file() + "x-a: !!int 5\n").find("is not supported"), std::string::npos);
    EXPECT_EQ(headlines(good_file() + "x-a: !!str 5\nx-b: {\"<<\": c}\n"), "");
}

TEST(yaml_events, finds_quotes_that_are_never_closed) {
    EXPECT_EQ(headlines(good_file() + "x-a: 'it''s\n"), "houses.yaml:5:6: error: this quote is never closed\n");
    EXPECT_EQ(headlines(good_file() + "x-a: \"it\\\"s\n"), "houses.yaml:5:6: error: this quote is never closed\n");
}

TEST(yaml_events, knows_a_second_document_from_bad_indentation) {
    EXPECT_NE(headlines(good_file() + "---\na: 1\n").find("a second YAML document"), std::string::npos);
    EXPECT_NE(headlines(good_file() + "...\na: 1\n").find("a second YAML document"), std::string::npos);
    EXPECT_NE(headlines("  version: 1\nports: {}\n").find("does not continue"), std::string::npos);
    EXPECT_EQ(headlines("---\n" + good_file() + "...\n"), "");
}

}  // namespace
}  // namespace portier::config
