#include "config/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.hpp"
#include "config/backends.hpp"
#include "config/port_key.hpp"
#include "config/slips.hpp"
#include "config/units.hpp"
#include "config/yaml_traps.hpp"

namespace portier::config {

namespace {

std::nullopt_t fail(const Target& target, const Place& at, std::string message, std::string hint = {}) {
    target.diagnostics.add({.at = at, .key_path = target.path, .message = std::move(message), .hint = std::move(hint)});
    return std::nullopt;
}

std::string expectation(const Field& field) {
    const std::string what = "expected " + expected(field);
    return field.example.empty() || field.kind == Kind::boolean ? what
                                                                : fmt::format("{}, as in {}", what, field.example);
}

const char* kind_name(Node::Kind kind) {
    switch (kind) {
        case Node::Kind::null: return "nothing";
        case Node::Kind::scalar: return "one text";
        case Node::Kind::sequence: return "a list";
        case Node::Kind::map: return "a map";
    }
    return "";
}

// How lines that were meant as a map can come out as something else.
std::string no_map_hint(const Target& target, const Node& node) {
    if (target.field.kind != Kind::section) return {};
    if (node.kind == Node::Kind::null) return "; indent the lines that belong to it further than its key";
    const std::string slip = node.kind == Node::Kind::scalar ? missing_blank(node.text) : "";
    return slip.empty() ? "" : "; " + slip;
}

bool is_kind(const Target& target, const Node& node, Node::Kind wanted) {
    if (node.kind == wanted) return true;
    const bool null = node.kind == Node::Kind::null;
    const std::string message = null ? "has no value" : fmt::format("is {}", kind_name(node.kind));
    fail(target, null ? target.key : node.at, message, expectation(target.field) + no_map_hint(target, node));
    return false;
}

bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

// What was written and how others would read it, when a text is no value of the field.
std::string reading_hint(const Target& target, const Node& node) {
    const auto other = node.verbatim ? std::nullopt : other_reading(node.text);
    if (!other) return expectation(target.field);
    return fmt::format("portier reads {} as text, other YAML readers as {}; {}", in_quotes(node.text), *other,
                       expectation(target.field));
}

template <typename Result>
std::optional<Result> accept(const Target& target, const Node& node, const Parsed<Result>& parsed) {
    if (parsed.value) return parsed.value;
    fail(target, node.at, fmt::format("{} {}", in_quotes(node.text), parsed.problem),
         parsed.hint.empty() ? reading_hint(target, node) : parsed.hint);
    return std::nullopt;
}

std::optional<Value> in_range(const Target& target, const Node& node, const Parsed<std::uint64_t>& parsed) {
    const auto value = accept(target, node, parsed);
    if (!value) return std::nullopt;
    const Field& field = target.field;
    if (*value < field.min || *value > field.max)
        return fail(target, node.at, fmt::format("{} is out of range", in_quotes(node.text)), expectation(field));
    if (field.kind == Kind::seconds && *value % 1000 != 0)
        return fail(target, node.at, fmt::format("{} is not a number of whole seconds", in_quotes(node.text)));
    return *value;
}

std::optional<Value> decode_boolean(const Target& target, const Node& node) {
    if (node.text == "true") return true;
    if (node.text == "false") return false;
    return fail(target, node.at, fmt::format("{} is neither true nor false", in_quotes(node.text)),
                reading_hint(target, node));
}

std::optional<Value> decode_word(const Target& target, const Node& node) {
    const Field& field = target.field;
    const auto found = std::find(field.words.begin(), field.words.end(), node.text);
    if (found != field.words.end()) return static_cast<std::uint64_t>(found - field.words.begin());
    const std::string near = did_you_mean(node.text, field.words);
    return fail(target, node.at, fmt::format("{} is not known here", in_quotes(node.text)),
                near.empty() ? "expected one of " + expected(field) : near);
}

std::optional<Value> decode_signal(const Target& target, const Node& node) {
    std::vector<std::string> names;
    for (const auto& [name, number] : signal_names()) {
        if (name == node.text) return static_cast<std::uint64_t>(number);
        names.push_back(name);
    }
    std::string whole = "SIG" + node.text;
    std::transform(whole.begin(), whole.end(), whole.begin(), [](unsigned char c) { return std::toupper(c); });
    std::string near = did_you_mean(node.text, names);
    if (near.empty()) near = did_you_mean(whole, names);
    return fail(target, node.at, fmt::format("{} is not the name of a signal", in_quotes(node.text)),
                near.empty() ? "expected a name, as in SIGTERM" : near);
}

std::optional<Value> decode_texts(const Target& target, const Node& node) {
    if (node.items.empty() && target.field.required)
        return fail(target, node.at, "is empty", expectation(target.field));
    std::vector<std::string> texts;
    for (const Node& item : node.items)
        if (auto text = decode_text(target, item)) texts.push_back(std::move(*text));
    return texts.size() == node.items.size() ? std::optional<Value>(std::move(texts)) : std::nullopt;
}

std::optional<Value> decode_networks(const Target& target, const Node& node) {
    if (node.items.empty() && target.field.required)
        return fail(target, node.at, "is empty", expectation(target.field));
    std::vector<Network> networks;
    for (const Node& item : node.items) {
        const bool text = !item.broken && is_kind(target, item, Node::Kind::scalar);
        const auto network = text ? accept(target, item, parse_network(item.text)) : std::nullopt;
        if (network) networks.push_back(*network);
    }
    return networks.size() == node.items.size() ? std::optional<Value>(std::move(networks)) : std::nullopt;
}

std::optional<std::string> decode_variable(const Target& target, const Entry& entry) {
    const std::string& name = entry.key.text;
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
        return fail(target, entry.key.at, fmt::format("{} cannot be the name of a variable", in_quotes(name)));
    const auto& reserved = target.field.reserved;
    if (std::find(reserved.begin(), reserved.end(), name) != reserved.end())
        return fail(target, entry.key.at, fmt::format("{} is set by portier itself", in_quotes(name)),
                    "its value tells the program who it is, what it has been given and whom to notify");
    return decode_text({target.field, target.path + '.' + name, entry.key.at, target.diagnostics}, entry.value);
}

std::optional<Value> decode_variables(const Target& target, const Node& node) {
    std::map<std::string, std::string> variables;
    bool good = true;
    for (const Entry& entry : node.entries) {
        if (is_private(entry.key)) continue;
        auto text = decode_variable(target, entry);
        good = good && text;
        if (text) variables.emplace(entry.key.text, std::move(*text));
    }
    return good ? std::optional<Value>(std::move(variables)) : std::nullopt;
}

std::optional<Value> decode_scalar(const Target& target, const Node& node) {
    const auto as_value = [](auto&& parsed) { return parsed ? std::optional<Value>(*parsed) : std::nullopt; };
    switch (target.field.kind) {
        case Kind::boolean: return decode_boolean(target, node);
        case Kind::integer:
            if (!target.field.zero.empty() && node.text == target.field.zero) return std::uint64_t{0};
            return in_range(target, node, parse_integer(node.text));
        case Kind::duration:
        case Kind::seconds: return in_range(target, node, parse_duration(node.text));
        case Kind::size: return in_range(target, node, parse_size(node.text));
        case Kind::rate: return as_value(accept(target, node, parse_rate(node.text)));
        case Kind::word: return decode_word(target, node);
        case Kind::signal: return decode_signal(target, node);
        case Kind::address: return as_value(accept(target, node, parse_address(node.text)));
        case Kind::endpoint: return as_value(accept(target, node, parse_listen(node.text)));
        default: return as_value(decode_text(target, node));
    }
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    const auto near = nearest(word, candidates);
    return near ? fmt::format("did you mean {}?", in_quotes(*near)) : std::string();
}

std::optional<std::string> decode_text(const Target& target, const Node& node) {
    if (node.broken) return std::nullopt;
    const bool inside = target.field.kind == Kind::texts || target.field.kind == Kind::variables;
    if (inside && node.kind != Node::Kind::scalar && node.kind != Node::Kind::null)
        return fail(target, node.at, fmt::format("{} stands where text belongs", kind_name(node.kind)));
    if (!is_kind(target, node, Node::Kind::scalar)) return std::nullopt;
    if (has_nul(node.text))
        return fail(target, node.at, fmt::format("{} holds a NUL byte", in_quotes(node.text)),
                    "the system would end the text there");
    const auto other = node.verbatim ? std::nullopt : other_reading(node.text);
    if (!other) return node.text;
    return fail(target, node.at,
                fmt::format("{} without quotes is the text {} here, but {} for other YAML readers", node.text,
                            in_quotes(node.text), *other),
                fmt::format("quote it: {}", in_quotes(node.text)));
}

std::optional<Value> decode(const Target& target, const Node& node) {
    if (node.broken) return std::nullopt;
    switch (target.field.kind) {
        case Kind::texts:
            return is_kind(target, node, Node::Kind::sequence) ? decode_texts(target, node) : std::nullopt;
        case Kind::networks:
            return is_kind(target, node, Node::Kind::sequence) ? decode_networks(target, node) : std::nullopt;
        case Kind::backends:
            return is_kind(target, node, Node::Kind::sequence) ? decode_backends(target, node) : std::nullopt;
        case Kind::variables:
            return is_kind(target, node, Node::Kind::map) ? decode_variables(target, node) : std::nullopt;
        case Kind::section:
            return is_kind(target, node, Node::Kind::map) ? std::optional<Value>(Value{}) : std::nullopt;
        default: return is_kind(target, node, Node::Kind::scalar) ? decode_scalar(target, node) : std::nullopt;
    }
}

}  // namespace portier::config
