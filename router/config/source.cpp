#include "config/source.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace portier::config {

namespace {

unsigned char byte_at(std::string_view text, std::size_t offset) {
    return offset < text.size() ? static_cast<unsigned char>(text[offset]) : 0;
}

bool continues(std::string_view text, std::size_t offset) {
    return (byte_at(text, offset) & 0xc0) == 0x80;
}

// The length of the UTF-8 sequence at `offset`, 0 if it is not one (RFC 3629).
std::size_t sequence_length(std::string_view text, std::size_t offset) {
    const unsigned char lead = byte_at(text, offset);
    const unsigned char next = byte_at(text, offset + 1);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4 || !continues(text, offset + 1)) return 0;
    if (lead < 0xe0) return 2;
    if (!continues(text, offset + 2)) return 0;
    const bool overlong = (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90);
    const bool outside = (lead == 0xed && next > 0x9f) || (lead == 0xf4 && next > 0x8f);
    if (overlong || outside) return 0;
    if (lead < 0xf0) return 3;
    return continues(text, offset + 3) ? 4 : 0;
}

bool looks_like_utf16(std::string_view text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return true;
    return text.size() > 1 && (text[0] == '\0') != (text[1] == '\0');
}

void drop_carriage_returns(std::string& text) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool line_end = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
        if (!line_end) text[kept++] = text[i];
    }
    text.resize(kept);
}

}  // namespace

int code_points(std::string_view text) {
    return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string shortened(std::string_view text, std::size_t most) {
    if (text.size() <= most) return std::string(text);
    std::size_t end = most - 3;
    while (end > 0 && continues(text, end)) --end;
    return std::string(text.substr(0, end)) + "...";
}

std::string in_quotes(std::string_view text) {
    return '"' + shortened(text) + '"';
}

Source::Source(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)), starts_{0} {
    for (std::size_t i = 0; i < text_.size(); ++i)
        if (text_[i] == '\n') starts_.push_back(i + 1);
}

std::string_view Source::line(int number) const {
    if (number < 1 || static_cast<std::size_t>(number) > starts_.size()) return {};
    const std::size_t start = starts_[static_cast<std::size_t>(number) - 1];
    return std::string_view(text_).substr(start, std::min(text_.find('\n', start), text_.size()) - start);
}

std::size_t Source::offset(int line, int byte_column) const {
    if (line < 1) return 0;
    if (static_cast<std::size_t>(line) > starts_.size()) return text_.size();
    const std::size_t start = starts_[static_cast<std::size_t>(line) - 1];
    return std::min(start + static_cast<std::size_t>(std::max(0, byte_column)), text_.size());
}

std::size_t Source::byte_column(const Place& at) const {
    const std::string_view text = line(at.line);
    std::size_t byte = 0;
    for (int left = at.column - 1; byte < text.size(); ++byte)
        if (!continues(text, byte) && left-- == 0) break;
    return byte;
}

Place Source::place(std::size_t offset, std::uint32_t source) const {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
    const std::size_t start = *(after - 1);
    return {.source = source,
            .line = static_cast<int>(after - starts_.begin()),
            .column = code_points(std::string_view(text_).substr(start, offset - start)) + 1};
}

std::optional<TextProblem> clean_text(std::string& text) {
    if (looks_like_utf16(text)) return TextProblem{0, "the file is UTF-16 text; save it as UTF-8"};
    if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
    drop_carriage_returns(text);
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = sequence_length(text, i);
        const unsigned char byte = byte_at(text, i);
        if (length == 0) return TextProblem{i, fmt::format("byte 0x{:02x} is not valid UTF-8", byte)};
        if (byte == 0) return TextProblem{i, "a NUL byte; a configuration is text"};
        const bool allowed = byte >= 0x20 || byte == '\n' || byte == '\t';
        if (!allowed || byte == 0x7f) return TextProblem{i, fmt::format("control byte 0x{:02x} in the text", byte)};
        i += length;
    }
    return std::nullopt;
}

}  // namespace portier::config
