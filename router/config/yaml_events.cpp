#include "config/yaml_events.hpp"

#include <fmt/format.h>

#include <string_view>

#include "config/nesting.hpp"

namespace portier::config {

namespace {

constexpr std::string_view kPlain = "?";   // yaml-cpp's tag of a plain scalar
constexpr std::string_view kQuoted = "!";  // and of a quoted one
constexpr std::string_view kText = "tag:yaml.org,2002:str";

// The end of a quoted scalar that begins at `offset`: the byte after its closing quote, or npos.
std::size_t quote_end(std::string_view text, std::size_t offset) {
    const char quote = text[offset];
    for (std::size_t i = offset + 1; i < text.size(); ++i) {
        if (quote == '"' && text[i] == '\\') {
            ++i;
        } else if (text[i] == quote) {
            const bool doubled = quote == '\'' && i + 1 < text.size() && text[i + 1] == quote;
            if (!doubled) return i + 1;
            ++i;
        }
    }
    return std::string_view::npos;
}

}  // namespace

void YamlEvents::abandon(Place at, std::string message, std::string hint) {
    diagnostics_.add({.at = at, .message = std::move(message), .hint = std::move(hint)});
    throw Abandoned{};
}

Place YamlEvents::innermost_open() const {
    return open_.empty() ? Place{.source = index_, .line = 1, .column = 1} : nodes_[open_.back()].node.at;
}

void YamlEvents::OnDocumentStart(const YAML::Mark& mark) {
    if (!started_) {
        started_ = true;
        return;
    }
    const std::size_t offset = source_.offset(mark.line + 1, mark.column);
    const std::string_view text = source_.text();
    const bool ended = text.substr(0, offset).find("\n...") != std::string_view::npos;
    if (ended || text.substr(offset).starts_with("---"))
        abandon(source_.place(offset, index_), "a second YAML document; a configuration is one document");
    abandon(source_.place(offset, index_), "this does not continue what stands above",
            "check the indentation: it must line up with its neighbours");
}

std::uint32_t YamlEvents::append(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    last_offset_ = source_.offset(mark.line + 1, mark.column);
    const auto id = static_cast<std::uint32_t>(nodes_.size());
    RawNode raw;
    raw.node.kind = kind;
    raw.node.at = source_.place(last_offset_, index_);
    if (nodes_.size() >= kMaxNodes) abandon(raw.node.at, too_many_nodes());
    if (open_.size() >= kMaxDepth && kind != Node::Kind::null && kind != Node::Kind::scalar)
        abandon(raw.node.at, too_deep());
    nodes_.push_back(std::move(raw));
    if (!open_.empty()) nodes_[open_.back()].children.push_back(id);
    if (anchor != 0) anchors_[anchor] = id;
    return id;
}

void YamlEvents::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
    nodes_[append(Node::Kind::null, mark, anchor)].open = false;
}

void YamlEvents::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
    RawNode& alias = nodes_[append(Node::Kind::null, mark, 0)];
    const std::uint32_t aim = anchors_.at(anchor);
    if (nodes_[aim].open) abandon(alias.node.at, "this alias stands inside of what it names");
    alias.alias_of = aim;
    alias.open = false;
}

void YamlEvents::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                          const std::string& value) {
    RawNode& raw = nodes_[append(Node::Kind::scalar, mark, anchor)];
    raw.open = false;
    raw.node.text = value;
    raw.node.verbatim = tag != kPlain;
    check_tag(tag, raw.node.at);
    const std::string_view rest = std::string_view(source_.text()).substr(last_offset_);
    if (rest.starts_with('"') || rest.starts_with('\'')) {
        close_quote(raw.node.at, last_offset_);
    } else {
        raw.node.at.width = code_points(rest.substr(0, std::min(value.size(), rest.find('\n'))));
    }
}

// yaml-cpp takes the end of the file for a closing single quote.
void YamlEvents::close_quote(Place& at, std::size_t offset) {
    const std::string_view text = source_.text();
    const std::size_t end = quote_end(text, offset);
    if (end == std::string_view::npos) abandon(at, "this quote is never closed");
    at.width = code_points(text.substr(offset, std::min(end, text.find('\n', offset)) - offset));
}

void YamlEvents::check_tag(const std::string& tag, const Place& at) {
    if (tag == kPlain || tag == kQuoted || tag == kText || tag.empty()) return;
    abandon(at, fmt::format("the YAML tag {} is not supported", in_quotes(tag)), "leave it out");
}

void YamlEvents::start(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const std::uint32_t id = append(kind, mark, anchor);
    check_tag(tag, nodes_[id].node.at);
    open_.push_back(id);
}

void YamlEvents::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                 YAML::EmitterStyle::value) {
    start(Node::Kind::sequence, mark, tag, anchor);
}

void YamlEvents::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                            YAML::EmitterStyle::value) {
    start(Node::Kind::map, mark, tag, anchor);
}

void YamlEvents::OnSequenceEnd() {
    nodes_[open_.back()].open = false;
    open_.pop_back();
}

void YamlEvents::OnMapEnd() {
    RawNode& map = nodes_[open_.back()];
    map.open = false;
    open_.pop_back();
    check_keys(map);
}

const RawNode& YamlEvents::target(std::uint32_t node) const {
    return nodes_[nodes_[node].alias_of.value_or(node)];
}

void YamlEvents::check_key(const RawNode& key) {
    if (key.node.kind != Node::Kind::scalar) abandon(key.node.at, "a key must be text, not a list, a map or nothing");
    if (key.node.text == "<<" && !key.node.verbatim)
        abandon(key.node.at, "merge keys (<<) are not supported", "use defaults: or an alias for the whole value");
}

// "handlers.veg.KEY" for a key of the map that has just ended.
std::string YamlEvents::path_of(const std::string& key) const {
    std::string path;
    for (const std::uint32_t id : open_) {
        const std::vector<std::uint32_t>& children = nodes_[id].children;
        if (nodes_[id].node.kind == Node::Kind::map && children.size() >= 2)
            path += target(children[children.size() - 2]).node.text + '.';
    }
    return path + key;
}

// Duplicates are taken out, so that only the first one is looked at later.
void YamlEvents::check_keys(RawNode& map) {
    std::unordered_map<std::string_view, std::uint32_t> seen;
    std::vector<std::uint32_t> kept;
    for (std::size_t i = 0; i + 1 < map.children.size(); i += 2) {
        const std::uint32_t id = map.children[i];
        const RawNode& key = target(id);
        check_key(key);
        const auto [first, fresh] = seen.emplace(key.node.text, id);
        if (fresh) {
            kept.insert(kept.end(), {id, map.children[i + 1]});
            continue;
        }
        diagnostics_.add({.at = nodes_[id].node.at,
                          .key_path = path_of(key.node.text),
                          .message = fmt::format("the key {} is written twice in one map", in_quotes(key.node.text)),
                          .other = nodes_[first->second].node.at});
    }
    map.children = std::move(kept);
}

}  // namespace portier::config
