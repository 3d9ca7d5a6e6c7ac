// The text of one configuration file and places in it. Lines and columns count from 1, columns in code points.
// Sources live as long as one load(); one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portier::config {

inline constexpr std::size_t kMaxFileBytes = 1 << 20;

// Where something is written: `source` is an index into the Sources of one load().
struct Place {
    std::uint32_t source = 0;
    int line = 0;
    int column = 0;
    int width = 1;  // how many columns the caret underlines
};

// How many code points `text` has; a byte of an invalid sequence counts as it comes.
int code_points(std::string_view text);

// A text that does not fit what it is shown in ends with "...".
std::string shortened(std::string_view text, std::size_t most = 60);

// shortened() in double quotes, for messages.
std::string in_quotes(std::string_view text);

class Source {
public:
    // `text` is valid UTF-8 with '\n' line ends (check_text, read_file).
    Source(std::string name, std::string text);

    const std::string& name() const { return name_; }
    const std::string& text() const { return text_; }

    // Without its line end; empty for a line that does not exist.
    std::string_view line(int number) const;

    // Byte offset of a line and a zero-based byte column, as yaml-cpp counts them; never beyond the end.
    std::size_t offset(int line, int byte_column) const;

    // The inverse for a place: the zero-based byte column in its line.
    std::size_t byte_column(const Place& at) const;

    // The place of a byte of the text.
    Place place(std::size_t offset, std::uint32_t source) const;

private:
    std::string name_;
    std::string text_;
    std::vector<std::size_t> starts_;  // of each line
};

using Sources = std::deque<Source>;  // a Source stays where it is while others are added

struct TextProblem {
    std::size_t offset = 0;
    std::string message;
};

// Removes a UTF-8 byte order mark and carriage returns before line feeds; then names the first thing that keeps `text`
// from being YAML text: UTF-16, NUL or another control byte, invalid UTF-8.
std::optional<TextProblem> clean_text(std::string& text);

}  // namespace portier::config
