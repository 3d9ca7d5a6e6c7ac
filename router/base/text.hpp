// Small text helpers used everywhere: suggestions for misspelt words and escaping of foreign bytes.
// Pure functions; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace portier {

// The candidate nearest to `word` (optimal string alignment distance), if it is near enough to be a slip of the hand.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// Makes foreign bytes harmless in a log line: control characters, those that turn the direction of reading, and invalid
// UTF-8 become \xNN, a backslash is doubled.
std::string escape(std::string_view bytes);

// The same for a text of several lines that may have been escaped before: newlines and backslashes stay.
std::string printable(std::string_view bytes);

}  // namespace portier
