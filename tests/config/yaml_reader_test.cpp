#include "config/yaml_reader.hpp"

#include <gtest/gtest.h>

#include <ctime>

#include "config/nesting.hpp"

namespace portier::config {
namespace {

struct Read {
    std::optional<Node> root;
    std::vector<Diagnostic> diagnostics;
};

Read read(const std::string& text) {
    Sources sources;
    sources.emplace_back("a.yaml", text);
    Diagnostics diagnostics(sources);
    Read out;
    out.root = read_yaml(sources[0], 0, diagnostics);
    out.diagnostics = diagnostics.result();
    return out;
}

std::string repeated(const std::string& text, std::size_t bytes) {
    std::string out;
    while (out.size() + text.size() <= bytes) out += text;
    return out;
}

TEST(yaml_reader, keeps_text_kinds_and_places) {
    const Read got = read("a: [1, \"2\"]\nb:\n  c: ~\n");
    ASSERT_TRUE(got.root);
    ASSERT_EQ(got.root->entries.size(), 2U);
    const Node& list = got.root->entries[0].value;
    EXPECT_EQ(list.kind, Node::Kind::sequence);
    EXPECT_EQ(list.items[0].text, "1");
    EXPECT_FALSE(list.items[0].verbatim);
    EXPECT_EQ(list.items[1].text, "2");
    EXPECT_TRUE(list.items[1].verbatim);
    EXPECT_EQ(list.items[1].at.column, 8);
    EXPECT_EQ(list.items[1].at.width, 3);
    const Entry& inner = got.root->entries[1].value.entries[0];
    EXPECT_EQ(inner.value.kind, Node::Kind::null);
    EXPECT_EQ(inner.key.at.line, 3);
    EXPECT_EQ(inner.key.at.column, 3);
}

TEST(yaml_reader, repeats_what_an_alias_names) {
    const Read got = read("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\n");
    ASSERT_TRUE(got.root);
    EXPECT_EQ(got.root->entries[1].value.entries[0].value.items[1].text, "2");
    EXPECT_EQ(got.root->entries[2].value.items[1].entries[0].key.text, "b");
}

TEST(yaml_reader, counts_repeated_nodes_against_the_limit) {
    std::string text = "a0: &a0 [" + repeated("x, ", 30) + "]\n";
    for (int i = 1; i < 20; ++i) {
        const std::string one = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + one + ", " + one + ", " + one + "]\n";
    }
    const Read got = read(text);
    EXPECT_FALSE(got.root);
    ASSERT_EQ(got.diagnostics.size(), 1U);
    EXPECT_EQ(got.diagnostics[0].message, too_many_nodes());
}

TEST(yaml_reader, counts_the_depth_through_aliases) {
    const std::string inner = repeated("[", 40) + repeated("]", 40);
    EXPECT_TRUE(read("a: &x " + inner + "\n").root);
    const Read got = read("a: &x " + inner + "\nb: " + repeated("[", 40) + "*x" + repeated("]", 40) + "\n");
    ASSERT_EQ(got.diagnostics.size(), 1U);
    EXPECT_EQ(got.diagnostics[0].message, too_deep());
    EXPECT_EQ(got.diagnostics[0].mark.line, 2);
}

TEST(yaml_reader, accepts_the_deepest_allowed_nesting) {
    EXPECT_TRUE(read("a: " + repeated("[", 63) + repeated("]", 63) + "\n").root);
    EXPECT_FALSE(read("a: " + repeated("[", 64) + repeated("]", 64) + "\n").root);
}

TEST(yaml_reader, answers_a_megabyte_of_anything_quickly) {
    for (const char* text : {"[",       "{",        "[\n",   "{a: ",   "[a,",   "- ",    "? ",  "&a ",   "*a ",
                             "! ",      "\"",       "'",     "a: ",    "a:",    "%x\n",  "|\n", "#",     "-\n",
                             "[{",      "a\n",      "a ",    "a\nb: ", "\t",    " ",     "\n",  "---\n", "]",
                             ",",       ": ",       "?\n",   "&a [",   "<<: ",  "- a\n", "[],", "\"\" ", "[\"a\",\n",
                             "x: *b\n", "{\"a\":[", "'[' [", "x[",     "- [\n", "a: 1\n"}) {
        const std::clock_t start = std::clock();  // of the processor: the machine may be busy with something else
        const Read got = read(repeated(text, kMaxFileBytes));
        // The goal is a tenth of a second; sanitizers are given five.
        EXPECT_LT(std::clock() - start, 5 * CLOCKS_PER_SEC) << text;
        EXPECT_TRUE(got.root || !got.diagnostics.empty()) << text;
    }
}

TEST(yaml_reader, refuses_lines_that_would_fill_the_memory) {
    const Read got = read("a: [" + repeated("b, ", 70000) + "]\n");
    ASSERT_EQ(got.diagnostics.size(), 1U);
    EXPECT_NE(got.diagnostics[0].message.find("the limit is 65536"), std::string::npos);
}

}  // namespace
}  // namespace portier::config
