// The JSON schema against the tables and the files in tests/data/config. JSON is YAML, so read_yaml() reads the schema.
#include <gtest/gtest.h>

#include <regex>

#include "config/fields.hpp"
#include "config/scratch.hpp"
#include "config/yaml_reader.hpp"

namespace portier::config {
namespace {

const std::filesystem::path kData = std::filesystem::path(PORTIER_TEST_DATA) / "config";

Node parse(const std::string& text) {
    Sources sources;
    std::string clean = text;
    EXPECT_FALSE(clean_text(clean));
    sources.emplace_back("text", clean);
    Diagnostics diagnostics(sources);
    auto node = read_yaml(sources[0], 0, diagnostics);
    EXPECT_TRUE(node) << render(diagnostics.result().at(0));
    return node.value_or(Node{});
}

const Node* member(const Node& map, const std::string& key) {
    for (const Entry& entry : map.entries)
        if (entry.key.text == key) return &entry.value;
    return nullptr;
}

std::string type_of(const Node& node) {
    static const std::regex integer("-?(0|[1-9][0-9]*)");
    static const std::regex number("-?[0-9]+\\.[0-9]+");
    if (node.kind == Node::Kind::map) return "object";
    if (node.kind == Node::Kind::sequence) return "array";
    if (node.kind == Node::Kind::null) return "null";
    if (node.verbatim) return "string";
    if (node.text == "true" || node.text == "false") return "boolean";
    if (std::regex_match(node.text, integer)) return "integer";
    return std::regex_match(node.text, number) ? "number" : "string";
}

// As much of draft 7 as the schema uses.
class Validator {
public:
    explicit Validator(const Node& root) : root_(root) {}

    bool accepts(const Node& schema, const Node& value) const {
        if (const Node* ref = member(schema, "$ref")) return accepts(resolve(ref->text), value);
        return type_fits(schema, value) && alternatives_fit(schema, value) && text_fits(schema, value) &&
               children_fit(schema, value);
    }

    const Node& resolve(const std::string& ref) const {
        const Node* found = member(*member(root_, "definitions"), ref.substr(std::string("#/definitions/").size()));
        EXPECT_NE(found, nullptr) << ref;
        return *found;
    }

private:
    static bool type_fits(const Node& schema, const Node& value) {
        const Node* type = member(schema, "type");
        if (type == nullptr) return true;
        const std::string actual = type_of(value);
        const auto is = [&](const Node& one) {
            return one.text == actual || (one.text == "number" && actual == "integer");
        };
        return type->kind == Node::Kind::scalar ? is(*type) : std::any_of(type->items.begin(), type->items.end(), is);
    }

    bool alternatives_fit(const Node& schema, const Node& value) const {
        const auto good = [&](const Node& one) { return accepts(one, value); };
        const Node* any = member(schema, "anyOf");
        const Node* all = member(schema, "allOf");
        return (any == nullptr || std::any_of(any->items.begin(), any->items.end(), good)) &&
               (all == nullptr || std::all_of(all->items.begin(), all->items.end(), good));
    }

    static bool text_fits(const Node& schema, const Node& value) {
        const auto same = [&](const Node& one) { return one.text == value.text; };
        const Node* words = member(schema, "enum");
        if (words != nullptr && std::none_of(words->items.begin(), words->items.end(), same)) return false;
        if (const Node* constant = member(schema, "const"); constant != nullptr && !same(*constant)) return false;
        const Node* pattern = member(schema, "pattern");
        if (pattern != nullptr && !std::regex_search(value.text, std::regex(pattern->text))) return false;
        const Node* least = member(schema, "minimum");
        const Node* most = member(schema, "maximum");
        if (least != nullptr && std::stoll(value.text) < std::stoll(least->text)) return false;
        return most == nullptr || std::stoll(value.text) <= std::stoll(most->text);
    }

    bool children_fit(const Node& schema, const Node& value) const {
        if (const Node* items = member(schema, "items"))
            for (const Node& item : value.items)
                if (!accepts(*items, item)) return false;
        if (const Node* required = member(schema, "required"))
            for (const Node& key : required->items)
                if (member(value, key.text) == nullptr) return false;
        return std::all_of(value.entries.begin(), value.entries.end(),
                           [&](const Entry& entry) { return entry_fits(schema, entry); });
    }

    bool entry_fits(const Node& schema, const Entry& entry) const {
        bool known = false;
        if (const Node* properties = member(schema, "properties"))
            if (const Node* property = member(*properties, entry.key.text)) {
                known = true;
                if (!accepts(*property, entry.value)) return false;
            }
        if (const Node* patterns = member(schema, "patternProperties"))
            for (const Entry& pattern : patterns->entries)
                if (std::regex_search(entry.key.text, std::regex(pattern.key.text))) {
                    known = true;
                    if (!accepts(pattern.value, entry.value)) return false;
                }
        const Node* additional = member(schema, "additionalProperties");
        if (known || additional == nullptr) return true;
        return additional->kind == Node::Kind::map && accepts(*additional, entry.value);
    }

    const Node& root_;
};

bool schema_accepts(const std::filesystem::path& file) {
    const Node schema = parse(json_schema());
    return Validator(schema).accepts(schema, parse(read_whole(file)));
}

TEST(schema, accepts_every_good_file) {
    for (const auto& entry : std::filesystem::directory_iterator(kData / "good"))
        if (entry.path().extension() == ".yaml") {
            EXPECT_TRUE(schema_accepts(entry.path())) << entry.path();
        }
}

TEST(schema, refuses_what_an_editor_can_know_to_be_wrong) {
    for (const char* name : {"unknown_key", "unknown_key_prot", "unknown_key_in_section", "misplaced_keys", "words",
                             "numbers", "durations", "sizes", "rates", "wrong_kinds", "version_unknown",
                             "version_missing", "handler_name", "empty_values"})
        EXPECT_FALSE(schema_accepts(kData / "bad" / (std::string(name) + ".yaml"))) << name;
}

void expect_keys(const Node& object, const std::vector<Field>& fields) {
    for (const Field& field : fields) {
        const Node* at = &object;
        std::string_view rest = field.key;
        while (at != nullptr && !rest.empty()) {
            const std::size_t dot = std::min(rest.find('.'), rest.size());
            at = member(*member(*at, "properties"), std::string(rest.substr(0, dot)));
            rest.remove_prefix(std::min(dot + 1, rest.size()));
        }
        ASSERT_NE(at, nullptr) << field.key;
        EXPECT_NE(member(*at, "description"), nullptr) << field.key;
    }
}

TEST(schema, knows_every_key_of_this_version) {
    const Node schema = parse(json_schema());
    const Validator validator(schema);
    EXPECT_EQ(member(schema, "$schema")->text, "http://json-schema.org/draft-07/schema#");
    expect_keys(validator.resolve("#/definitions/handler"), handler_table().fields);
    expect_keys(validator.resolve("#/definitions/backend"), backend_table().fields);
    expect_keys(validator.resolve("#/definitions/port"), port_table().fields);
    const Node& properties = *member(schema, "properties");
    expect_keys(*member(properties, "admin"), admin_table().fields);
    expect_keys(*member(properties, "router"), router_table().fields);
    for (const Field& field : file_fields())
        if (field.key.find('.') == std::string::npos) {
            EXPECT_NE(member(properties, field.key), nullptr) << field.key;
        }
}

}  // namespace
}  // namespace portier::config
