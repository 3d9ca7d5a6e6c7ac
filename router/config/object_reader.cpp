#include "config/object_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/decode.hpp"

namespace portier::config {

namespace {

// A list is best shown by what stands first in it: the program of a command.
Place place_of(const Node& value) {
    return value.items.empty() ? value.at : value.items.front().at;
}

struct Home {
    const std::vector<Field>& fields;
    const char* object;
};

const std::vector<Home>& homes() {
    static const std::vector<Home> all = {{port_table().fields, "a port"},
                                          {handler_table().fields, "a handler"},
                                          {backend_table().fields, "an entry of connect"},
                                          {router_table().fields, "the router"},
                                          {admin_table().fields, "admin"}};
    return all;
}

// The other object where a key that is unknown here would be right.
std::string home_of(const std::string& key) {
    for (const Home& home : homes())
        for (const Field& field : home.fields)
            if (field.key == key) return fmt::format("{} is a key of {}", in_quotes(key), home.object);
    return {};
}

// The section that has it.
std::string section_with(const std::string& key) {
    for (const Home& home : homes())
        for (const Field& field : home.fields)
            if (field.key.ends_with('.' + key))
                return fmt::format("of {} there is {}", home.object, in_quotes(field.key));
    return {};
}

class FieldReader {
public:
    FieldReader(const std::vector<Field>& fields, Diagnostics& diagnostics)
        : fields_(fields), diagnostics_(diagnostics) {}

    // `prefix` is empty or the name of a section with its dot.
    void read(const MapNode& map, const std::string& prefix) {
        for (const Entry& entry : map.node.entries) {
            if (is_private(entry.key)) continue;
            const std::string path = map.path + '.' + entry.key.text;
            const std::optional<std::size_t> index = find(prefix, entry.key.text);
            if (!index) {
                report_unknown(entry, path, prefix);
            } else {
                read_field(*index, entry, path);
            }
        }
    }

    std::vector<Found> take() { return std::move(found_); }

private:
    std::optional<std::size_t> find(const std::string& prefix, const std::string& key) const {
        if (key.find('.') != std::string::npos) return std::nullopt;
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            const std::string& full = fields_[i].key;
            if (full.size() == prefix.size() + key.size() && full.starts_with(prefix) && full.ends_with(key)) return i;
        }
        return std::nullopt;
    }

    void read_field(std::size_t index, const Entry& entry, const std::string& path) {
        const Field& field = fields_[index];
        auto value = decode({field, path, entry.key.at, diagnostics_}, entry.value);
        Written place{.key = entry.key.at, .value = place_of(entry.value), .good = value.has_value()};
        if (field.kind == Kind::backends)
            for (const Node& item : entry.value.items) place.items.push_back(item.at);
        found_.push_back({index, std::move(place), value.value_or(Value{})});
        if (value && field.kind == Kind::section) read({entry.value, path, entry.key.at}, field.key + '.');
    }

    void report_unknown(const Entry& entry, const std::string& path, const std::string& prefix) {
        if (diagnostics_.full()) return diagnostics_.add({});
        std::vector<std::string> keys;
        for (const Field& field : fields_) {
            const bool here = field.key.starts_with(prefix) && field.key.find('.', prefix.size()) == std::string::npos;
            if (here) keys.push_back(field.key.substr(prefix.size()));
        }
        diagnostics_.add({.at = entry.key.at,
                          .key_path = path,
                          .message = fmt::format("unknown key {}", in_quotes(entry.key.text)),
                          .hint = unknown_key_hint(entry.key.text, keys)});
    }

    const std::vector<Field>& fields_;
    Diagnostics& diagnostics_;
    std::vector<Found> found_;
};

}  // namespace

std::string unknown_key_hint(const std::string& key, const std::vector<std::string>& keys) {
    if (auto home = home_of(key); !home.empty()) return home;
    if (auto near = did_you_mean(key, keys); !near.empty()) return near;
    if (auto section = section_with(key); !section.empty()) return section;
    return fmt::format("the keys here are {}", fmt::join(keys, ", "));
}

std::vector<Found> read_fields(const MapNode& map, const std::vector<Field>& fields, Diagnostics& diagnostics) {
    FieldReader reader(fields, diagnostics);
    reader.read(map, "");
    return reader.take();
}

}  // namespace portier::config
