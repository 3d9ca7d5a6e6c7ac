// Slips of the hand that YAML itself takes for something else, and the words that help. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace portier::config {

// For a text such as 7001/tcp:veg, which would be key and value with a blank more: says so. Otherwise empty.
std::string missing_blank(std::string_view text);

// An IPv6 address in brackets that begins a key without quotes, which YAML takes for a list: the whole key, in quotes
// as it should be, and its byte offset in the line.
struct BareBrackets {
    std::size_t offset = 0;
    std::string quoted;
};
std::optional<BareBrackets> bare_brackets(std::string_view line);

}  // namespace portier::config
