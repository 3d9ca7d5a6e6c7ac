#include "config/yaml_traps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace portier::config {

namespace {

bool all_of(std::string_view text, std::string_view allowed) {
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    return out;
}

std::optional<std::string> number(std::string_view digits, int base) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return fmt::format("the number {}", value);
}

// YAML 1.1 counts 22:22 in sixties.
std::optional<std::string> sixties(std::string_view text) {
    std::uint64_t total = 0;
    if (text.find(':') == std::string_view::npos || !all_of(text, "0123456789:") || text.size() > 12)
        return std::nullopt;
    for (;;) {
        const std::size_t colon = text.find(':');
        std::uint64_t part = 0;
        const std::string_view digits = text.substr(0, colon);
        if (std::from_chars(digits.data(), digits.data() + digits.size(), part).ptr == digits.data())
            return std::nullopt;
        total = total * 60 + part;
        if (colon == std::string_view::npos) return fmt::format("the number {}", total);
        text.remove_prefix(colon + 1);
    }
}

std::optional<std::string> exponent(std::string_view text) {
    const std::size_t e = text.find_first_of("eE");
    if (e == std::string_view::npos || !all_of(text.substr(0, e), "0123456789.")) return std::nullopt;
    std::string_view power = text.substr(e + 1);
    if (power.starts_with('+') || power.starts_with('-')) power.remove_prefix(1);
    if (!all_of(power, "0123456789")) return std::nullopt;
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return fmt::format("the number {}", value);
}

}  // namespace

std::optional<std::string> other_reading(std::string_view text) {
    const std::string word = lower(text);
    if (word == "no" || word == "off") return "false";
    if (word == "yes" || word == "on") return "true";
    if (text.empty() || text.size() > 32 || text[0] < '0' || text[0] > '9') return std::nullopt;
    if (word.starts_with("0x")) return number(std::string_view(word).substr(2), 16);
    if (word.starts_with("0o")) return number(std::string_view(word).substr(2), 8);
    if (word.starts_with("0b")) return number(std::string_view(word).substr(2), 2);
    if (text.size() > 1 && text[0] == '0' && all_of(text, "01234567")) return number(text, 8);
    if (text.find('_') != std::string_view::npos && all_of(text, "0123456789_")) {
        std::string digits(text);
        std::erase(digits, '_');
        return number(digits, 10);
    }
    if (auto value = sixties(text)) return value;
    return exponent(text);
}

}  // namespace portier::config
