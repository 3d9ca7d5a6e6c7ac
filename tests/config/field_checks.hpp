// What must hold for every table of fields.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "config/decode.hpp"
#include "config/fields.hpp"
#include "config/yaml_reader.hpp"

namespace portier::config {

// Decodes YAML text as a value of the field. Empty: refused.
inline std::optional<Value> decoded(const Field& field, const std::string& yaml) {
    Sources sources;
    sources.emplace_back("value.yaml", yaml + '\n');
    Diagnostics diagnostics(sources);
    const auto node = read_yaml(sources[0], 0, diagnostics);
    if (!node) return std::nullopt;
    return decode({field, field.key, {}, diagnostics}, *node);
}

inline void expect_described(const std::vector<Field>& fields) {
    std::set<std::string> keys;
    for (const Field& field : fields) {
        EXPECT_TRUE(keys.insert(field.key).second) << field.key << " stands twice";
        EXPECT_FALSE(field.help.empty()) << field.key;
        EXPECT_FALSE(expected(field).empty()) << field.key;
        EXPECT_LE(field.min, field.max) << field.key;
        const std::size_t dot = field.key.find('.');
        if (dot != std::string::npos) {
            EXPECT_TRUE(keys.contains(field.key.substr(0, dot))) << field.key << " stands before its section";
        }
    }
}

// The example of each field and its default are values of it, and printing and reading a value changes nothing.
template <typename Object>
void expect_consistent(const Table<Object>& table) {
    expect_described(table.fields);
    for (std::size_t i = 0; i < table.fields.size(); ++i) {
        const Field& field = table.fields[i];
        if (!table.has_member(i)) continue;
        ASSERT_FALSE(field.example.empty()) << field.key;
        const auto example = decoded(field, field.example);
        ASSERT_TRUE(example) << field.key << ": " << field.example;
        Object object;
        const std::string unset = to_yaml(field, table.get(i, object));
        EXPECT_TRUE(field.required || !unset.empty() || !field.if_unset.empty()) << field.key << " has no default";
        if (!unset.empty() && !field.required) {
            EXPECT_EQ(decoded(field, unset), table.get(i, object)) << field.key;
        }
        table.set(i, object, *example);
        EXPECT_EQ(table.get(i, object), *example) << field.key;
        EXPECT_EQ(decoded(field, to_yaml(field, *example)), *example) << field.key;
    }
}

}  // namespace portier::config
