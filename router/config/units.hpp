// Durations, sizes and rates as people write them: 250ms, 1h30m, 64KiB, 500/s. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace portier::config {

// A value, or why the text is none.
template <typename Value>
struct Parsed {
    std::optional<Value> value;
    std::string problem = {};  // completes the sentence: "12x" ...
    std::string hint = {};
};

// Decimal digits only; no sign, no leading zero.
Parsed<std::uint64_t> parse_integer(std::string_view text);
Parsed<std::uint64_t> parse_duration(std::string_view text);  // milliseconds; units ms s m h, in falling order
Parsed<std::uint64_t> parse_size(std::string_view text);      // bytes; B KB MB GB TB KiB MiB GiB TiB
Parsed<Rate> parse_rate(std::string_view text);               // COUNT/s, COUNT/m, COUNT/h

// The shortest text that parses back to the same value.
std::string format_duration(std::uint64_t milliseconds);
std::string format_size(std::uint64_t bytes);
std::string format_rate(const Rate& rate);

}  // namespace portier::config
