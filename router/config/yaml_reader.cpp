#include "config/yaml_reader.hpp"

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "config/nesting.hpp"
#include "config/yaml_errors.hpp"
#include "config/yaml_events.hpp"

namespace portier::config {

namespace {

// yaml-cpp holds a whole line of a flow collection in memory as tokens, 240 bytes each.
constexpr std::size_t kMaxLineBytes = 65536;

std::optional<TextProblem> check_line_lengths(const Source& source) {
    const std::string& text = source.text();
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        if (end - start > kMaxLineBytes)
            return TextProblem{start, fmt::format("a line of {} bytes; the limit is {}", end - start, kMaxLineBytes)};
        start = end + 1;
    }
    return std::nullopt;
}

// Copies the flat list into a tree and repeats what the aliases name, within the limits.
class Expansion {
public:
    Expansion(const std::vector<RawNode>& nodes, Diagnostics& diagnostics) : nodes_(nodes), diagnostics_(diagnostics) {}

    std::optional<Node> run() { return copy(0, 0) ? std::optional<Node>(std::move(*result_)) : std::nullopt; }

private:
    bool copy(std::uint32_t id, int depth) {
        const RawNode& raw = nodes_[nodes_[id].alias_of.value_or(id)];
        const bool outermost = nodes_[id].alias_of && alias_ == nullptr;
        if (outermost) alias_ = &nodes_[id].node.at;
        if (++count_ > kMaxNodes) return fail(nodes_[id].node.at, too_many_nodes());
        if (depth >= kMaxDepth && !raw.children.empty()) return fail(nodes_[id].node.at, too_deep());
        Node out = raw.node;
        for (std::size_t i = 0; i < raw.children.size(); ++i) {
            if (!copy(raw.children[i], depth + 1)) return false;
            if (raw.node.kind == Node::Kind::sequence) {
                out.items.push_back(std::move(*result_));
            } else if (i % 2 == 0) {
                out.entries.push_back({std::move(*result_), {}});
            } else {
                out.entries.back().value = std::move(*result_);
            }
        }
        result_ = std::move(out);
        if (outermost) alias_ = nullptr;
        return true;
    }

    bool fail(const Place& at, std::string message) {
        diagnostics_.add({.at = alias_ != nullptr ? *alias_ : at, .message = std::move(message)});
        return false;
    }

    const std::vector<RawNode>& nodes_;
    Diagnostics& diagnostics_;
    std::optional<Node> result_;
    const Place* alias_ = nullptr;  // the alias in the text that is being expanded, with all that it repeats
    std::size_t count_ = 0;
};

}  // namespace

std::optional<Node> read_yaml(const Source& source, std::uint32_t index, Diagnostics& diagnostics) {
    const auto refuse = [&](const TextProblem& problem) {
        const Place at = source.place(problem.offset, index);
        diagnostics.add({.at = at, .message = problem.message});
        return std::nullopt;
    };
    if (const auto problem = check_nesting(source.text())) return refuse(*problem);
    if (const auto problem = check_line_lengths(source)) return refuse(*problem);
    YamlEvents events(source, index, diagnostics);
    try {
        std::istringstream text(source.text());
        YAML::Parser parser(text);
        if (!parser.HandleNextDocument(events)) return refuse({0, "the file is empty"});
        parser.HandleNextDocument(events);
    } catch (const Abandoned&) {
        return std::nullopt;
    } catch (const YAML::Exception& error) {
        diagnostics.add(explain_yaml_error(error, {source, index, events}));
        return std::nullopt;
    }
    return Expansion(events.nodes(), diagnostics).run();
}

}  // namespace portier::config
