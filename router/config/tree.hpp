// The marked tree that a YAML file becomes: aliases are expanded, every node knows where it is written. A scalar stays
// the text that was written; only the field that it belongs to decides what it means. Plain values; one thread.
#pragma once

#include <string>
#include <vector>

#include "config/source.hpp"

namespace portier::config {

struct Entry;

struct Node {
    enum class Kind : unsigned char { null, scalar, sequence, map };

    Kind kind = Kind::null;
    bool verbatim = false;  // quoted or out of a variable: the text is surely meant as text
    bool broken = false;    // already reported: nothing more is said about it
    Place at;
    std::string text;            // scalar
    std::vector<Node> items;     // sequence
    std::vector<Entry> entries;  // map, in the order written
};

struct Entry {
    Node key;  // always a scalar
    Node value;
};

// Keys that begin with x- are the user's own and never looked at.
inline bool is_private(const Node& key) {
    return key.text.starts_with("x-");
}

}  // namespace portier::config
