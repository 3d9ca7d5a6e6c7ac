#include "config/variables.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace portier::config {

namespace {

bool is_name(std::string_view text) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return !text.empty() && letter(text[0]) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || digit(c); });
}

class Substitution {
public:
    Substitution(const Source& source, const Host& host, Diagnostics& diagnostics)
        : source_(source), host_(host), diagnostics_(diagnostics) {}

    void walk(Node& node) {
        if (node.kind == Node::Kind::scalar && node.text.find('$') != std::string::npos) replace(node);
        for (Node& item : node.items) walk(item);
        for (Entry& entry : node.entries)
            if (!is_private(entry.key)) walk(entry.value);
    }

private:
    void replace(Node& node) {
        std::string out;
        std::string_view rest = node.text;
        for (;;) {
            const std::size_t dollar = rest.find('$');
            out += rest.substr(0, dollar);
            if (dollar == std::string_view::npos) break;
            rest.remove_prefix(dollar);
            const auto value = expand(rest, node);
            if (!value) {
                node.broken = true;
                return;
            }
            out += *value;
        }
        node.text = std::move(out);
        node.verbatim = true;
    }

    // Takes the expression at the start of `rest` away and returns what it stands for.
    std::optional<std::string> expand(std::string_view& rest, const Node& node) {
        if (rest.starts_with("$$")) {
            rest.remove_prefix(2);
            return "$";
        }
        const std::size_t end = rest.find('}');
        if (!rest.starts_with("${") || end == std::string_view::npos)
            return fail(node, rest.substr(0, 2), "a single \"$\"",
                        "write $$ for a dollar sign or ${NAME} for a variable");
        const std::string_view whole = rest.substr(0, end + 1);
        const std::string_view inside = rest.substr(2, end - 2);
        rest.remove_prefix(end + 1);
        return look_up(node, whole, inside);
    }

    std::optional<std::string> look_up(const Node& node, std::string_view whole, std::string_view inside) {
        const std::size_t separator = inside.find(":-");
        const std::string name(inside.substr(0, separator));
        if (!is_name(name)) {
            return fail(node, whole, fmt::format("{} does not name a variable", in_quotes(whole)),
                        "the forms are ${NAME} and ${NAME:-default}");
        }
        const bool has_default = separator != std::string_view::npos;
        const std::optional<std::string> value = host_.variable(name);
        if (has_default && value.value_or("").empty()) return std::string(inside.substr(separator + 2));
        if (value) return value;
        return fail(node, whole, fmt::format("the environment variable {} is not set", name),
                    fmt::format("set it or give a default: ${{{}:-default}}", name));
    }

    // Points at the expression itself if it stands as it is in the line.
    std::nullopt_t fail(const Node& node, std::string_view expression, std::string message, std::string hint) {
        Place at = node.at;
        const std::string_view line = source_.line(at.line);
        const std::size_t start = source_.byte_column(at);
        const std::size_t found = line.find(expression, start);
        if (found != std::string_view::npos) {
            at.column += code_points(line.substr(start, found - start));
            at.width = code_points(expression);
        }
        diagnostics_.add({.at = at, .message = std::move(message), .hint = std::move(hint)});
        return std::nullopt;
    }

    const Source& source_;
    const Host& host_;
    Diagnostics& diagnostics_;
};

}  // namespace

void substitute_variables(Node& root, const Source& source, const Host& host, Diagnostics& diagnostics) {
    Substitution(source, host, diagnostics).walk(root);
}

}  // namespace portier::config
