// Turns the text of one file into a marked tree. yaml-cpp is used as an event parser only, because its own tree keeps
// duplicate keys, forgets where aliases stand and lets them form cycles. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "config/diagnostics.hpp"
#include "config/tree.hpp"

namespace portier::config {

// `index` is the place of `source` among the sources. Empty when there is no tree to go on with; the reason is then in
// `diagnostics`. Duplicate keys are reported and the first one stays.
std::optional<Node> read_yaml(const Source& source, std::uint32_t index, Diagnostics& diagnostics);

}  // namespace portier::config
