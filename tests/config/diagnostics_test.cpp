#include "config/diagnostics.hpp"

#include <gtest/gtest.h>

namespace portier::config {
namespace {

TEST(diagnostics, are_sorted_by_file_and_place) {
    Sources sources;
    sources.emplace_back("a.yaml", "one\ntwo\n");
    sources.emplace_back("b.yaml", "three\n");
    Diagnostics diagnostics(sources);
    diagnostics.add({.at = {.source = 1, .line = 1, .column = 1}, .message = "third"});
    diagnostics.add({.at = {.source = 0, .line = 2, .column = 2}, .message = "second"});
    diagnostics.add({.severity = Severity::warning, .at = {.source = 0, .line = 2, .column = 1}, .message = "first"});
    const auto result = diagnostics.result();
    ASSERT_EQ(result.size(), 3U);
    EXPECT_EQ(result[0].message, "first");
    EXPECT_EQ(result[0].source_line, "two");
    EXPECT_EQ(result[1].message, "second");
    EXPECT_EQ(result[2].mark.file, "b.yaml");
    EXPECT_TRUE(diagnostics.has_errors());
}

TEST(diagnostics, warnings_alone_are_no_errors) {
    Sources sources;
    sources.emplace_back("a.yaml", "");
    Diagnostics diagnostics(sources);
    diagnostics.add({.severity = Severity::warning, .message = "only a warning"});
    EXPECT_FALSE(diagnostics.has_errors());
}

TEST(diagnostics, are_capped_and_the_rest_is_counted) {
    Sources sources;
    sources.emplace_back("a.yaml", "");
    Diagnostics diagnostics(sources);
    for (int i = 0; i < 5000; ++i) diagnostics.add({.message = "again"});
    EXPECT_TRUE(diagnostics.full());
    const auto result = diagnostics.result();
    ASSERT_EQ(result.size(), kMaxDiagnostics + 1);
    EXPECT_EQ(result.back().message, "4950 more problems are not shown");
}

TEST(diagnostics, show_the_part_of_a_long_line_that_matters) {
    Sources sources;
    sources.emplace_back("a.yaml", std::string(1000, 'x') + "\xc3\xa9" + std::string(1000, 'y'));
    Diagnostics diagnostics(sources);
    diagnostics.add({.at = {.source = 0, .line = 1, .column = 1001}, .message = "here"});
    const Diagnostic found = diagnostics.result().front();
    EXPECT_EQ(found.mark.column, 1001);
    EXPECT_LE(code_points(found.source_line), 160);
    const auto before = static_cast<std::size_t>(found.source_column) - 1;
    EXPECT_EQ(found.source_line.substr(before, 2), "\xc3\xa9");
}

}  // namespace
}  // namespace portier::config
