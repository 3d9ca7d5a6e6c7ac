// The description of one key of the configuration. The tables of these (fields.hpp) are the only place that knows the
// keys: parsing, checks, suggestions, the JSON schema, the reference and --effective all read them. Values only.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "config/config.hpp"

namespace portier::config {

enum class Kind {
    section,  // keys below it: "limits" has "limits.memory"
    boolean,
    integer,
    duration,  // held in milliseconds
    seconds,   // a duration of whole seconds
    size,      // held in bytes
    rate,
    text,
    word,       // one of `words`, held as its index
    signal,     // a name, held as its number
    texts,      // a list
    networks,   // a list
    variables,  // a map of names to texts
    endpoint,
    anything,  // only for keys that are not in this version
};

using Value = std::variant<std::monostate, bool, std::uint64_t, std::string, Rate, std::vector<std::string>,
                           std::vector<Network>, std::map<std::string, std::string>, net::Endpoint>;

// Which deliveries and protocols can enforce a key.
struct Scope {
    std::vector<Delivery> deliveries;  // empty: all
    std::vector<Protocol> protocols;   // empty: all
};

struct Field {
    std::string key;  // below its object, with dots: "limits.memory"
    Kind kind = Kind::text;
    std::string help;
    std::string example = {};
    std::uint64_t min = 0;  // in the unit that Kind names
    std::uint64_t max = std::numeric_limits<std::int64_t>::max();
    std::vector<std::string> words = {};
    std::vector<std::string> planned_words = {};
    std::vector<std::string> reserved = {};  // names that nobody may give to one of the `variables`
    std::string if_unset = {};               // what holds when there is no default value
    Scope scope = {};
    bool required = false;
    bool planned = false;  // known, but not in this version
};

// "a duration, 1ms to 1h", for messages, the reference and the schema.
std::string expected(const Field& field);

// The value as YAML text; empty when there is none. `sink` kinds (lists, maps) come out in flow style.
std::string to_yaml(const Field& field, const Value& value);

// Double-quoted YAML text that reads back as `text`, dollar signs included.
std::string yaml_text(std::string_view text);

bool applies(const Field& field, Delivery delivery, Protocol protocol);

// Name of signal 15: "SIGTERM".
const std::vector<std::pair<std::string, int>>& signal_names();

}  // namespace portier::config
