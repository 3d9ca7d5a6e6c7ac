// A quick look at the brackets of a file before it is parsed: yaml-cpp keeps every token of an open bracket in memory
// (240 bytes each), so a file of brackets has to be refused before. Pure function; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "config/source.hpp"

namespace portier::config {

inline constexpr int kMaxDepth = 64;
inline constexpr std::size_t kMaxNodes = 100000;

// "nested deeper than 64 levels", said in one way wherever it is found.
std::string too_deep();
std::string too_many_nodes();

// The first bracket or comma outside of quotes and comments that goes beyond the limits. Not a parser: it looks at
// brackets only and lets everything else pass.
std::optional<TextProblem> check_nesting(std::string_view text);

}  // namespace portier::config
