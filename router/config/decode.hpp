// Reads the value of one field from a node, by the field's description alone. One thread.
#pragma once

#include <optional>
#include <string>

#include "config/diagnostics.hpp"
#include "config/field.hpp"
#include "config/tree.hpp"

namespace portier::config {

struct Target {
    const Field& field;
    std::string path;  // for messages: "ports.7001/tcp.backlog"
    Place key;         // where to point when there is no value
    Diagnostics& diagnostics;
};

// Empty: reported.
std::optional<Value> decode(const Target& target, const Node& node);

// Text that no other YAML reader would take for something else; `what` it is completes "expected ...".
std::optional<std::string> decode_text(const Target& target, const Node& node);

// `did you mean "x"?`, or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace portier::config
