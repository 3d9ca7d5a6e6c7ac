// The problems of a configuration as JSON, the same for `portier check -o json` and `portier reload -o json`. Pure
// functions; any thread.
#pragma once

#include <boost/json/array.hpp>
#include <vector>

#include "config/config.hpp"

namespace portier::admin {

// [{"severity", "file", "line", "column", "key", "message", "hint", "other": null or {"file", "line", "column"}}]:
// `other` is the second place that it is about, as of a key that was written before.
boost::json::array diagnostics_json(const std::vector<config::Diagnostic>& diagnostics);

}  // namespace portier::admin
