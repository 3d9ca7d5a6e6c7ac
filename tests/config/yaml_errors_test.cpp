#include "config/yaml_errors.hpp"

#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

// What yaml-cpp complains about, each in our words and at the place where the trouble began.
TEST(yaml_errors, are_explained) {
    const std::map<std::string, std::string> cases = {
        {"a:\n\tb: 1\n", "houses.yaml:2:1: error: a tab in the indentation; use spaces\n"},
        {"a: [1, 2\nb: 3\n", "houses.yaml:1:4: error: this \"[\" is never closed\n"},
        {"a: {b: 1\n", "houses.yaml:1:4: error: this \"{\" is never closed\n"},
        {"a: 1]\n}\n", "houses.yaml:2:1: error: this bracket closes nothing\n"},
        {"a: \"\\xzz\"\n", "houses.yaml:1:9: error: an escape with a wrong hexadecimal number\n"},
        {"a: &x &y 1\n", "houses.yaml:1:7: error: two anchors (&) for one value\n"},
        {"%YAML 3.0\n---\na: 1\n", "houses.yaml:1:1: error: not YAML: YAML major version too large\n"}};
    for (const auto& [text, wanted] : cases) EXPECT_EQ(headlines(text), wanted) << text;
}

}  // namespace
}  // namespace portier::config
