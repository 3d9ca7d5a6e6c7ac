// Numbers from environment variables, read strictly: digits only, no space. Any thread that does not
// race with setenv(3).
#pragma once

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace portier::sdk {

// nullopt: not set, or not a number that fits.
template <typename Integer>
std::optional<Integer> number_from_environment(const char* name) {
    const char* text = std::getenv(name);
    if (!text) return std::nullopt;
    const std::string_view digits(text);
    Integer value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

}  // namespace portier::sdk
