// Reads a map of the file into an object by the object's table, and remembers where each value was written, so that a
// later check can point there. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/decode.hpp"
#include "config/fields.hpp"

namespace portier::config {

struct Written {
    Place key;
    Place value;
    bool own = true;                // not taken over from the defaults
    bool good = true;               // what was written is a value of the field
    std::vector<Place> items = {};  // of backends: where each stands
};

struct Found {
    std::size_t index = 0;  // of the field
    Written written;
    Value value;  // of a section or a bad one: nothing
};

struct MapNode {
    const Node& node;
    std::string path;
    Place key;
};

// What helps with an unknown key: where it would be right, the nearest of `keys`, or all of `keys`.
std::string unknown_key_hint(const std::string& key, const std::vector<std::string>& keys);

// Every known key in the map. What is wrong with the map is reported.
std::vector<Found> read_fields(const MapNode& map, const std::vector<Field>& fields, Diagnostics& diagnostics);

// An object on its way: its value and where its parts stand.
template <typename Object>
struct Draft {
    Object object;
    std::string path;
    Place key;
    std::vector<std::optional<Written>> written;  // by field; empty when it could not be read at all
};

template <typename Object>
void read_object(const MapNode& map, const Table<Object>& table, Draft<Object>& draft, Diagnostics& diagnostics) {
    draft.written.resize(table.fields.size());
    for (const Found& found : read_fields(map, table.fields, diagnostics)) {
        draft.written[found.index] = found.written;
        if (table.has_member(found.index) && found.written.good) table.set(found.index, draft.object, found.value);
    }
}

// Where the value of `key` stands, if it was written at all.
template <typename Object>
std::optional<Written> written(const Table<Object>& table, const Draft<Object>& draft, std::string_view key) {
    for (std::size_t i = 0; i < draft.written.size(); ++i)
        if (table.fields[i].key == key) return draft.written[i];
    return std::nullopt;
}

// What was read from `defaults` is nobody's own.
template <typename Object>
void make_inherited(Draft<Object>& draft) {
    for (std::optional<Written>& place : draft.written)
        if (place) place->own = false;
}

}  // namespace portier::config
