// The values that are written on the command line. Nothing is returned for what is not one. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "options.hpp"

namespace portier::guests {

// "250ms", "10s", "1m30s", "2h"; a number needs a unit.
std::optional<Nanoseconds> parse_duration(std::string_view text);
// "64", "16KiB", "1GiB", "10MB"
std::optional<std::uint64_t> parse_size(std::string_view text);
// "127.0.0.1:7001", "[::1]:7001"
std::optional<net::Endpoint> parse_endpoint(std::string_view text);

}  // namespace portier::guests
