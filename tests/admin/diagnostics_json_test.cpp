#include "admin/diagnostics_json.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace portier::admin {

// Everything that a person sees, with the second place where there is one.
TEST(DiagnosticsJson, SaysEverything) {
    config::Diagnostic error, warning;
    error.severity = config::Severity::error;
    error.mark = {.file = "a.yaml", .line = 3, .column = 7};
    error.key_path = "ports";
    error.message = "written twice";
    error.hint = "take one away";
    error.other = config::Mark{.file = "b.yaml", .line = 1, .column = 2};
    warning.severity = config::Severity::warning;
    warning.mark.file = "c.yaml";
    EXPECT_EQ(boost::json::value(diagnostics_json({error, warning})), boost::json::parse(R"([
        {"severity": "error", "file": "a.yaml", "line": 3, "column": 7, "key": "ports", "message": "written twice",
         "hint": "take one away", "other": {"file": "b.yaml", "line": 1, "column": 2}},
        {"severity": "warning", "file": "c.yaml", "line": 0, "column": 0, "key": "", "message": "", "hint": "",
         "other": null}])"));
    EXPECT_TRUE(diagnostics_json({}).empty());
}

}  // namespace portier::admin
