// render(): a diagnostic as compilers print it, with the source line and a caret under the offending text.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "config/config.hpp"
#include "config/source.hpp"

namespace portier::config {

namespace {

// Splits off the first `count` code points.
std::string_view take(std::string_view& text, std::size_t count) {
    std::size_t end = 0;
    for (; end < text.size(); ++end)
        if ((text[end] & 0xc0) != 0x80 && count-- == 0) break;
    const std::string_view head = text.substr(0, end);
    text.remove_prefix(end);
    return head;
}

struct Snippet {
    std::string_view text;
    int line;
    int column;
    std::size_t length = 1;
};

// The caret stands under the text as it is printed, so the escaped widths count; a tab would have any width.
std::string snippet(const Snippet& shown) {
    std::string text(shown.text);
    std::replace(text.begin(), text.end(), '\t', ' ');
    std::string_view rest = text;
    const std::string before = escape(take(rest, static_cast<std::size_t>(std::max(0, shown.column - 1))));
    const std::string under = escape(take(rest, shown.length));
    const std::string after = escape(rest);
    const int width = std::max(1, code_points(under));
    return fmt::format("{:>5} | {}{}{}\n      | {:{}}^{:~>{}}\n", shown.line, before, under, after, "",
                       code_points(before), "", width - 1);
}

}  // namespace

std::string to_string(const Mark& mark) {
    const std::string file = escape(mark.file);
    return mark.line == 0 ? file : fmt::format("{}:{}:{}", file, mark.line, mark.column);
}

std::string render(const Diagnostic& diagnostic) {
    std::string out = fmt::format("{}: {}: ", to_string(diagnostic.mark),
                                  diagnostic.severity == Severity::error ? "error" : "warning");
    if (!diagnostic.key_path.empty()) out += escape(diagnostic.key_path) + ": ";
    out += escape(diagnostic.message);
    if (!diagnostic.hint.empty()) out += "; " + escape(diagnostic.hint);
    out += '\n';
    if (diagnostic.mark.line > 0)
        out += snippet({diagnostic.source_line, diagnostic.mark.line, diagnostic.source_column, diagnostic.length});
    if (diagnostic.other) {
        out += to_string(*diagnostic.other) + ": note: first written here\n";
        if (diagnostic.other->line > 0)
            out += snippet({diagnostic.other_line, diagnostic.other->line, diagnostic.other_column});
    }
    return out;
}

}  // namespace portier::config
