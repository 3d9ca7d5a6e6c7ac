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
    address,
    word,       // one of `words`, held as its index
    signal,     // a name, held as its number
    texts,      // a list
    networks,   // a list
    variables,  // a map of names to texts
    endpoint,
    backends,  // a list of texts or maps, see backend_table()
};

using Value =
    std::variant<std::monostate, bool, std::uint64_t, std::string, Rate, std::vector<std::string>, std::vector<Network>,
                 std::map<std::string, std::string>, net::Address, net::Endpoint, std::vector<Backend>>;

inline const std::vector<Delivery> kEveryDelivery = {Delivery::handoff, Delivery::inherit, Delivery::relay,
                                                     Delivery::spawn};

// Where a key can be enforced: which deliveries can, for connections and for datagrams.
struct Scope {
    std::vector<Delivery> tcp = kEveryDelivery;
    std::vector<Delivery> udp = kEveryDelivery;
    bool accepting = false;  // not where style inetd-wait leaves accepting to the process
    bool processes = false;  // of relay only when it has a command
    bool staying = false;    // of spawn only style inetd-wait, whose process outlives a connection
};

struct Field {
    std::string key;  // below its object, with dots: "limits.memory"
    Kind kind = Kind::text;
    std::string help;
    std::string example = {};
    std::uint64_t min = 0;  // in the unit that Kind names
    std::uint64_t max = std::numeric_limits<std::int64_t>::max();
    std::string zero = {};  // the word that is written for 0
    std::vector<std::string> words = {};
    std::vector<std::string> reserved = {};  // names that nobody may give to one of the `variables`
    std::string if_unset = {};               // what holds when there is no default value
    Scope scope = {};
    std::string over_udp = {};  // the key that a udp port has instead
    bool required = false;
};

// "a duration, 1ms to 1h", for messages, the reference and the schema.
std::string expected(const Field& field);

// The value as YAML text; empty when there is none. `sink` kinds (lists, maps) come out in flow style.
std::string to_yaml(const Field& field, const Value& value);

// Double-quoted YAML text that reads back as `text`, dollar signs included.
std::string yaml_text(std::string_view text);

bool applies(const Field& field, const Handler& handler, Protocol protocol);

// To a handler, whatever its ports are.
bool applies(const Field& field, const Handler& handler);

// To a handler whose ports have these protocols.
bool applies(const Field& field, const Handler& handler, const std::vector<Protocol>& protocols);

// Of a handler that has no port: both.
std::vector<Protocol> protocols_of(const Handler& handler, const std::vector<Port>& ports);

// The section that a key stands in; null: none.
const Field* section_of(const std::vector<Field>& fields, const Field& field);

// "delivery handoff, relay or spawn": those that can enforce it for the protocol; empty: none.
std::string deliveries_of(const Field& field, Protocol protocol);

// Name of signal 15: "SIGTERM".
const std::vector<std::pair<std::string, int>>& signal_names();

}  // namespace portier::config
