#include "values.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <span>

namespace portier::guests {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array kTimes{Unit{"us", 1'000}, Unit{"ms", 1'000'000}, Unit{"s", 1'000'000'000},
                            Unit{"m", 60'000'000'000}, Unit{"h", 3'600'000'000'000}};
constexpr std::array kSizes{Unit{"", 1},
                            Unit{"B", 1},
                            Unit{"KB", 1'000},
                            Unit{"MB", 1'000'000},
                            Unit{"GB", 1'000'000'000},
                            Unit{"KiB", 1U << 10},
                            Unit{"MiB", 1U << 20},
                            Unit{"GiB", 1U << 30}};

// Takes "12unit" off the front of `text`.
std::optional<std::uint64_t> take_value(std::string_view& text, std::span<const Unit> units) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::size_t length = 0;
    while (length < text.size() && std::isalpha(static_cast<unsigned char>(text[length])) != 0) ++length;
    const std::string_view name = text.substr(0, length);
    text.remove_prefix(length);
    for (const Unit& unit : units) {
        const bool fits = number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / unit.factor;
        if (unit.name == name && fits) return number * unit.factor;
    }
    return {};
}

}  // namespace

std::optional<Nanoseconds> parse_duration(std::string_view text) {
    if (text.empty()) return {};
    std::uint64_t sum = 0;
    while (!text.empty()) {
        const auto part = take_value(text, kTimes);
        if (!part) return {};
        sum += *part;
    }
    if (sum > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
    return Nanoseconds(static_cast<std::int64_t>(sum));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    const auto size = take_value(text, kSizes);
    return text.empty() ? size : std::nullopt;
}

std::optional<net::Endpoint> parse_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return {};
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = net::parse_address(host);
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    const bool whole = error == std::errc{} && end == port.data() + port.size();
    if (!address || !whole || number == 0 || bracketed != (address->family == 6)) return {};
    return net::Endpoint{*address, number};
}

}  // namespace portier::guests
