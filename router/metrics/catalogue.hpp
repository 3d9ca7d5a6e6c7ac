// The catalogue: every metric that portier exports, with type, labels and help, in the order of the page. The only
// place with names and help texts; `portier metrics --describe` prints it and tests hold the documentation and the
// dashboards to it.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace portier::metrics {

enum class Kind { counter, gauge, histogram };

struct Metric {
    const char* name;
    Kind kind;
    std::vector<const char*> labels;
    const char* help;
};

std::span<const Metric> catalogue();

const char* to_string(Kind kind);

}  // namespace portier::metrics
