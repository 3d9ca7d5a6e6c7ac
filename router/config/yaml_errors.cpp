#include "config/yaml_errors.hpp"

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "config/slips.hpp"
#include "config/yaml_events.hpp"

namespace portier::config {

namespace {

struct Explanation {
    std::string_view said;  // how yaml-cpp's message begins
    std::string_view message;
    std::string_view hint;
};

constexpr std::string_view kAlign = "check the indentation and the quotes of the lines above";
constexpr std::string_view kQuote = "quote the text if it is meant as text";

constexpr std::array kExplanations = {
    Explanation{"end of map not found", "this does not fit below the lines above", kAlign},
    Explanation{"end of sequence not found", "this does not fit below the lines above", kAlign},
    Explanation{"end of map flow not found", "this \"{\" is never closed", ""},
    Explanation{"end of sequence flow not found", "this \"[\" is never closed", ""},
    Explanation{"illegal map value", "a \":\" is not expected here",
                "text that holds \": \" needs quotes; check the indentation"},
    Explanation{"illegal map key", "a \"? \" is not expected here", kAlign},
    Explanation{"illegal block entry", "a \"- \" is not expected here", "a list begins on a line of its own"},
    Explanation{"illegal flow end", "this bracket closes nothing", ""},
    Explanation{"illegal EOF in scalar", "this quote is never closed", ""},
    Explanation{"illegal document indicator in scalar", "\"---\" or \"...\" inside of quotes", "is a quote missing?"},
    Explanation{"unknown token", "this character cannot begin a value", kQuote},
    Explanation{"illegal tab", "a tab in the indentation", "use spaces"},
    Explanation{"cannot assign multiple anchors", "two anchors (&) for one value", ""},
    Explanation{"cannot assign multiple tags", "two tags (!) for one value", ""},
    Explanation{"alias not found after *", "the name of an anchor is missing after \"*\"", kQuote},
    Explanation{"anchor not found after &", "the name of an anchor is missing after \"&\"", kQuote},
    Explanation{"illegal character found while scanning alias", "this cannot stand in the name of an alias", kQuote},
    Explanation{"illegal character found while scanning anchor", "this cannot stand in the name of an anchor", kQuote},
    Explanation{"the referenced anchor is not defined", "no anchor of this name stands above", kQuote},
    Explanation{"aliases can't have any content", "an alias (*) stands alone", kQuote},
    Explanation{"unknown escape character", "an escape that double quotes do not know",
                "in single quotes a backslash is only a backslash"},
    Explanation{"bad character found while scanning hex number", "an escape with a wrong hexadecimal number", ""},
    Explanation{"invalid unicode", "an escape for a character that does not exist", ""},
};

const Explanation* find_explanation(std::string_view said) {
    const auto found = std::find_if(kExplanations.begin(), kExplanations.end(),
                                    [&](const Explanation& entry) { return said.starts_with(entry.said); });
    return found == kExplanations.end() ? nullptr : &*found;
}

// yaml-cpp lets a tab through and stumbles over what follows.
std::optional<std::size_t> tab_in_indentation(const Source& source, int line) {
    const std::string_view text = source.line(line);
    const std::size_t tab = text.find_first_not_of(' ');
    if (tab == std::string_view::npos || text[tab] != '\t') return std::nullopt;
    return source.offset(line, static_cast<int>(tab));
}

// A key like [::1]:7001/tcp without quotes: yaml-cpp stumbles behind its bracket, or at the brace around it.
std::optional<Problem> bare_brackets_at(int line, const ParseState& state) {
    const auto key = bare_brackets(state.source.line(line));
    if (!key) return std::nullopt;
    Problem problem;
    problem.at = state.source.place(state.source.offset(line, static_cast<int>(key->offset)), state.index);
    problem.at.width = static_cast<int>(key->quoted.size()) - 2;
    problem.message = "YAML takes this \"[\" for the beginning of a list";
    problem.hint = "quote it: " + key->quoted;
    return problem;
}

// A line like "processes:2" is text for YAML, which then does not expect the colon of the next line.
std::optional<Problem> missing_blank_above(int line, const ParseState& state) {
    const auto is_empty = [&](int number) {
        const std::string_view text = state.source.line(number);
        const std::size_t first = text.find_first_not_of(' ');
        return first == std::string_view::npos || text[first] == '#';
    };
    for (--line; line > 0 && is_empty(line);) --line;
    const std::string_view text = state.source.line(line);
    const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
    std::string hint = missing_blank(text.substr(first));
    const bool key =
        first < text.size() && std::string_view("-\"'[{&*!?|>").find(text[first]) == std::string_view::npos;
    if (hint.empty() || !key) return std::nullopt;
    Problem problem;
    problem.at = state.source.place(state.source.offset(line, static_cast<int>(first)), state.index);
    problem.at.width = code_points(text.substr(first));
    problem.message = "this is one text, not a key with its value";
    problem.hint = std::move(hint);
    return problem;
}

// Where the trouble began: yaml-cpp reports an open quote or bracket at the end of the file.
Place find_place(const YAML::Exception& error, const ParseState& state) {
    const std::string_view said = error.msg;
    const Source& source = state.source;
    if (said.find("flow not found") != std::string_view::npos) return state.events.innermost_open();
    std::size_t offset = source.offset(error.mark.line + 1, error.mark.column);
    if (said.starts_with("illegal EOF in scalar"))
        offset = std::min(source.text().find_first_of("\"'", state.events.last_offset()), source.text().size());
    return source.place(offset, state.index);
}

}  // namespace

Problem explain_yaml_error(const YAML::Exception& error, const ParseState& state) {
    Problem problem;
    if (const auto tab = tab_in_indentation(state.source, error.mark.line + 1)) {
        problem.at = state.source.place(*tab, state.index);
        problem.message = "a tab in the indentation";
        problem.hint = "use spaces";
        return problem;
    }
    problem.at = find_place(error, state);
    for (const int line : {error.mark.line + 1, problem.at.line})
        if (auto brackets = bare_brackets_at(line, state)) return *brackets;
    if (std::string_view(error.msg).starts_with("illegal map value"))
        if (auto above = missing_blank_above(error.mark.line + 1, state)) return *above;
    const Explanation* explanation = find_explanation(error.msg);
    problem.message = explanation != nullptr ? explanation->message : fmt::format("not YAML: {}", error.msg);
    if (explanation != nullptr) problem.hint = explanation->hint;
    if (state.source.line(problem.at.line).find("${") != std::string_view::npos)
        problem.hint = "inside of brackets quote variables: \"${NAME}\"";
    return problem;
}

}  // namespace portier::config
