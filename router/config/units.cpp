#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

#include "config/source.hpp"

namespace portier::config {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array kDurations = {Unit{"h", 3600000}, Unit{"m", 60000}, Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::array kSizes = {Unit{"TiB", 1ULL << 40}, Unit{"TB", 1000000000000}, Unit{"GiB", 1ULL << 30},
                               Unit{"GB", 1000000000},  Unit{"MiB", 1ULL << 20},   Unit{"MB", 1000000},
                               Unit{"KiB", 1ULL << 10}, Unit{"KB", 1000},          Unit{"B", 1}};
constexpr std::array kPeriods = {Unit{"s", 1000}, Unit{"m", 60000}, Unit{"h", 3600000}};

constexpr const char* kTooLarge = "is too large";
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

constexpr const char* kDurationUnits = "the units are ms, s, m and h, as in 250ms or 1h30m";
constexpr const char* kSizeUnits = "the units are B, KiB, MiB, GiB, TiB, KB, MB, GB and TB, as in 64KiB";
constexpr const char* kRateForm = "a rate is a number for a time, as in 500/s, 100/m or 10/h";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view take_digits(std::string_view& text) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
    const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(digits.size());
    return digits;
}

std::string_view take_word(std::string_view& text) {
    const auto end = std::find_if(text.begin(), text.end(), is_digit);
    const std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(word.size());
    return word;
}

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
    const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == name; });
    return found == units.end() ? nullptr : &*found;
}

// "512M", "5mb" and "64K" with the unit that was probably meant, as a question; otherwise empty.
std::string meant_size(std::string_view number, std::string_view unit) {
    std::string name(unit.substr(0, 1));
    std::string rest(unit.substr(std::min<std::size_t>(1, unit.size())));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    std::transform(rest.begin(), rest.end(), rest.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name == "B" && (rest.empty() || rest == "ytes")) return fmt::format("did you mean {}B?", number);
    if (name.find_first_of("KMGT") == std::string::npos ||
        (!rest.empty() && rest != "b" && rest != "i" && rest != "ib"))
        return {};
    return fmt::format("did you mean {}{}{}?", number, name, rest == "b" ? "B" : "iB");
}

// value * factor, if it fits into a signed 64-bit number (what the kernel and std::chrono count in).
std::optional<std::uint64_t> multiply(std::uint64_t value, std::uint64_t factor) {
    if (value > kMost / factor) return std::nullopt;
    return value * factor;
}

}  // namespace

Parsed<std::uint64_t> parse_integer(std::string_view text) {
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return {{}, "is not a whole number"};
    if (text.size() > 1 && text[0] == '0') return {{}, "has a leading zero"};
    if (text.size() > 18) return {{}, kTooLarge};
    std::uint64_t value = 0;
    for (const char digit : text) value = value * 10 + static_cast<std::uint64_t>(digit - '0');
    return {value};
}

Parsed<std::uint64_t> parse_duration(std::string_view text) {
    const auto fail = [](std::string why) { return Parsed<std::uint64_t>{{}, std::move(why), kDurationUnits}; };
    if (text.starts_with('-')) return fail("is negative");
    std::uint64_t total = 0;
    const Unit* before = nullptr;
    do {
        const Parsed<std::uint64_t> number = parse_integer(take_digits(text));
        if (!number.value) return fail(number.problem == kTooLarge ? kTooLarge : "is not a duration");
        if (text.starts_with('.')) return fail("has a fraction");
        const std::string_view word = take_word(text);
        if (word.empty()) return fail("has no unit");
        const Unit* unit = find_unit(kDurations, word);
        if (unit == nullptr) return fail(fmt::format("has the unknown unit {}", in_quotes(word)));
        if (before != nullptr && unit <= before) return fail("has its units in the wrong order");
        const auto part = multiply(*number.value, unit->factor);
        if (!part || *part > kMost - total) return fail(kTooLarge);
        total += *part;
        before = unit;
    } while (!text.empty());
    return {total};
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
    const auto fail = [](std::string why) { return Parsed<std::uint64_t>{{}, std::move(why), kSizeUnits}; };
    if (text.starts_with('-')) return fail("is negative");
    const std::string_view digits = take_digits(text);
    const Parsed<std::uint64_t> number = parse_integer(digits);
    if (!number.value) return fail(number.problem == kTooLarge ? kTooLarge : "is not a size");
    if (text.empty()) return fail("has no unit");
    if (text.starts_with('.')) return fail("has a fraction");
    const Unit* unit = find_unit(kSizes, text);
    if (unit == nullptr) {
        const std::string meant = meant_size(digits, text);
        return {{}, fmt::format("has the unknown unit {}", in_quotes(text)), meant.empty() ? kSizeUnits : meant};
    }
    const auto bytes = multiply(*number.value, unit->factor);
    return bytes ? Parsed<std::uint64_t>{bytes} : fail(kTooLarge);
}

Parsed<Rate> parse_rate(std::string_view text) {
    const auto fail = [](std::string why) { return Parsed<Rate>{{}, std::move(why), kRateForm}; };
    if (text.starts_with('-')) return fail("is negative");
    const Parsed<std::uint64_t> number = parse_integer(take_digits(text));
    if (!number.value) return fail(number.problem == kTooLarge ? kTooLarge : "is not a rate");
    if (text.empty()) return fail("has no time");
    const Unit* period = text.starts_with('/') ? find_unit(kPeriods, text.substr(1)) : nullptr;
    if (period == nullptr) return fail("is not a rate");
    if (*number.value == 0) return {{}, "lets nobody in", "leave it out for no limit"};
    return {Rate{*number.value, Milliseconds(static_cast<std::int64_t>(period->factor))}};
}

std::string format_duration(std::uint64_t milliseconds) {
    if (milliseconds == 0) return "0s";
    std::string out;
    for (const Unit& unit : kDurations) {
        const std::uint64_t count = milliseconds / unit.factor;
        if (count > 0) out += fmt::format("{}{}", count, unit.name);
        milliseconds %= unit.factor;
    }
    return out;
}

std::string format_size(std::uint64_t bytes) {
    for (const Unit& unit : kSizes)
        if (bytes >= unit.factor && bytes % unit.factor == 0)
            return fmt::format("{}{}", bytes / unit.factor, unit.name);
    return fmt::format("{}B", bytes);
}

std::string format_rate(const Rate& rate) {
    const auto* period = &kPeriods.front();
    for (const Unit& unit : kPeriods)
        if (static_cast<std::int64_t>(unit.factor) == rate.period.count()) period = &unit;
    return fmt::format("{}/{}", rate.count, period->name);
}

}  // namespace portier::config
