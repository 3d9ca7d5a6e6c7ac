// Collects yaml-cpp's events into a flat list of nodes in which aliases still stand as aliases. Limits and everything
// that only the events know (anchors, tags, duplicate keys) are checked here. One object per file; one thread.
#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/diagnostics.hpp"
#include "config/tree.hpp"

namespace portier::config {

struct RawNode {
    Node node;                            // without children
    std::vector<std::uint32_t> children;  // indices; of a map keys and values in turn
    std::optional<std::uint32_t> alias_of;
    bool open = true;  // its end has not been seen
};

// Thrown through yaml-cpp to end the parsing; the reason is already among the diagnostics.
struct Abandoned {};

class YamlEvents : public YAML::EventHandler {
public:
    YamlEvents(const Source& source, std::uint32_t index, Diagnostics& diagnostics)
        : source_(source), index_(index), diagnostics_(diagnostics) {}

    const std::vector<RawNode>& nodes() const { return nodes_; }
    // The brackets and maps that are open, the innermost last: where a parser's complaint about an end began.
    Place innermost_open() const;
    // Byte offset of the last event.
    std::size_t last_offset() const { return last_offset_; }

    void OnDocumentStart(const YAML::Mark& mark) override;
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override;
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override;
    void OnSequenceEnd() override;
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override;
    void OnMapEnd() override;

private:
    [[noreturn]] void abandon(Place at, std::string message, std::string hint = {});
    std::uint32_t append(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor);
    void start(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor);
    void check_tag(const std::string& tag, const Place& at);
    void check_key(const RawNode& key);
    void check_keys(RawNode& map);
    std::string path_of(const std::string& key) const;
    const RawNode& target(std::uint32_t node) const;
    void close_quote(Place& at, std::size_t offset);

    const Source& source_;
    std::uint32_t index_;
    Diagnostics& diagnostics_;
    std::vector<RawNode> nodes_;
    std::vector<std::uint32_t> open_;
    std::unordered_map<YAML::anchor_t, std::uint32_t> anchors_;
    std::size_t last_offset_ = 0;
    bool started_ = false;
};

}  // namespace portier::config
