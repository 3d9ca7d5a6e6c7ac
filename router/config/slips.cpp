#include "config/slips.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/source.hpp"

namespace portier::config {

namespace {

constexpr std::string_view kAddressDigits = "0123456789abcdefABCDEF:.%";
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr std::string_view kKeyEnds = " \t,{}:";

// The colon that was meant to end a key: behind the protocol of a port, which may have others before it, or the first.
std::size_t key_end(std::string_view text) {
    for (const std::string_view protocol : {"/tcp:", "/udp:"})
        if (const std::size_t at = text.find(protocol); at != std::string_view::npos) return at + protocol.size() - 1;
    return text.empty() || is_digit(text.front()) ? std::string_view::npos : text.find(':');
}

}  // namespace

std::string missing_blank(std::string_view text) {
    const std::size_t colon = key_end(text);
    if (colon == std::string_view::npos || colon == 0 || colon + 1 >= text.size()) return {};
    const bool web_address = text.substr(colon).starts_with("://");
    if (text[colon + 1] == ' ' || text.substr(0, colon).find(' ') != std::string_view::npos || web_address) return {};
    return fmt::format("a blank is missing after the colon: {}: {}", text.substr(0, colon),
                       shortened(text.substr(colon + 1)));
}

std::optional<BareBrackets> bare_brackets(std::string_view line) {
    for (std::size_t open = line.find('['); open != std::string_view::npos; open = line.find('[', open + 1)) {
        const std::size_t close = line.find_first_not_of(kAddressDigits, open + 1);
        const bool address = close != std::string_view::npos && line.substr(close).starts_with("]:") &&
                             line.substr(open, close - open).find(':') != std::string_view::npos;
        const bool quoted = open > 0 && (line[open - 1] == '"' || line[open - 1] == '\'');
        if (!address || quoted) continue;
        const std::size_t slash = line.find('/', close);
        if (slash == std::string_view::npos) continue;
        const std::size_t end = std::min(line.find_first_of(kKeyEnds, slash), line.size());
        return BareBrackets{open, fmt::format("\"{}\"", line.substr(open, end - open))};
    }
    return std::nullopt;
}

}  // namespace portier::config
