#include <gtest/gtest.h>

#include "config/config.hpp"

namespace portier::config {
namespace {

Diagnostic example() {
    Diagnostic out;
    out.mark = {"houses.yaml", 14, 5};
    out.length = 6;
    out.key_path = "ports.7001/tcp.bcklog";
    out.message = "unknown key \"bcklog\"";
    out.hint = "did you mean \"backlog\"?";
    out.source_line = "    bcklog: 100";
    out.source_column = 5;
    return out;
}

TEST(render, prints_as_compilers_do) {
    EXPECT_EQ(render(example()),
              "houses.yaml:14:5: error: ports.7001/tcp.bcklog: unknown key \"bcklog\"; did you mean \"backlog\"?\n"
              "   14 |     bcklog: 100\n"
              "      |     ^~~~~~\n");
}

TEST(render, prints_the_second_place_as_a_note) {
    Diagnostic diagnostic = example();
    diagnostic.severity = Severity::warning;
    diagnostic.hint.clear();
    diagnostic.other = Mark{"other.yaml", 3, 1};
    diagnostic.other_line = "x: 1";
    diagnostic.other_column = 1;
    EXPECT_EQ(render(diagnostic),
              "houses.yaml:14:5: warning: ports.7001/tcp.bcklog: unknown key \"bcklog\"\n"
              "   14 |     bcklog: 100\n"
              "      |     ^~~~~~\n"
              "other.yaml:3:1: note: first written here\n"
              "    3 | x: 1\n"
              "      | ^\n");
}

TEST(render, prints_a_problem_of_the_whole_file_without_a_line) {
    Diagnostic diagnostic;
    diagnostic.mark.file = "houses.yaml";
    diagnostic.message = "cannot open the file: No such file or directory";
    EXPECT_EQ(render(diagnostic), "houses.yaml: error: cannot open the file: No such file or directory\n");
}

TEST(render, escapes_foreign_bytes_and_keeps_the_caret_below_them) {
    Diagnostic diagnostic = example();
    diagnostic.message = "a\x1b[31m";
    diagnostic.hint.clear();
    diagnostic.source_line = "\t\xc3\xa9: \x1b[31m!";
    diagnostic.source_column = 5;
    diagnostic.length = 2;
    EXPECT_EQ(render(diagnostic),
              "houses.yaml:14:5: error: ports.7001/tcp.bcklog: a\\x1b[31m\n"
              "   14 |  \xc3\xa9: \\x1b[31m!\n"
              "      |     ^~~~~\n");
}

TEST(render, a_caret_beyond_the_line_stands_at_its_end) {
    Diagnostic diagnostic = example();
    diagnostic.source_line = "ab";
    diagnostic.source_column = 9;
    EXPECT_NE(render(diagnostic).find("\n      |   ^\n"), std::string::npos);
}

}  // namespace
}  // namespace portier::config
