// json_schema(): the tables as JSON Schema, draft 7, for editors. It is a little more lenient than load(): what depends
// on other values, on the machine or on the text of a number is only known there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/fields.hpp"

namespace portier::config {

namespace {

std::string text(std::string_view value) {
    std::string out = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string list(const std::vector<std::string>& values) {
    std::vector<std::string> texts;
    std::transform(values.begin(), values.end(), std::back_inserter(texts), text);
    return fmt::format("[{}]", fmt::join(texts, ","));
}

std::string pattern(std::string_view form) {
    return fmt::format(R"("type":"string","pattern":{})", text(fmt::format("{}|\\$\\{{", form)));
}

std::string or_variable(std::string_view what) {
    return fmt::format(R"("anyOf":[{{{}}},{{"$ref":"#/definitions/variable"}}])", what);
}

std::string signals() {
    std::vector<std::string> names;
    for (const auto& [name, number] : signal_names()) names.push_back(name);
    return list(names);
}

std::string integer_schema(const Field& field) {
    const std::string number = fmt::format(R"("type":"integer","minimum":{},"maximum":{})", field.min, field.max);
    if (field.zero.empty()) return or_variable(number);
    return fmt::format(R"("anyOf":[{{{}}},{{"const":{}}},{{"$ref":"#/definitions/variable"}}])", number,
                       text(field.zero));
}

// The members of the schema object of one value.
std::string value_schema(const Field& field) {
    switch (field.kind) {
        case Kind::boolean: return or_variable(R"("type":"boolean")");
        case Kind::integer: return integer_schema(field);
        case Kind::duration:
        case Kind::seconds: return pattern("^(?=.)([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$");
        case Kind::size: return pattern("^[0-9]+([KMGT]i?)?B$");
        case Kind::rate: return pattern("^[0-9]+/[smh]$");
        case Kind::word: return or_variable(fmt::format(R"("enum":{})", list(field.words)));
        case Kind::signal: return or_variable(fmt::format(R"("enum":{})", signals()));
        case Kind::text: return R"("$ref":"#/definitions/text")";
        case Kind::address:
        case Kind::endpoint: return R"("type":"string")";
        case Kind::backends:
            return R"("type":"array","items":{"anyOf":[{"type":"string"},{"$ref":"#/definitions/backend"}]})";
        case Kind::texts: return R"("type":"array","items":{"$ref":"#/definitions/text"})";
        case Kind::networks: return R"("type":"array","items":{"type":"string"})";
        case Kind::variables: return R"("type":"object","additionalProperties":{"$ref":"#/definitions/text"})";
        case Kind::section: return {};
    }
    return {};
}

std::string map_of(const std::vector<std::string>& properties, std::string_view help) {
    return fmt::format(R"({{"type":"object","description":{},"properties":{{{}}},"patternProperties":{{"^x-":{{}}}},)"
                       R"("additionalProperties":false}})",
                       text(help), fmt::join(properties, ","));
}

// A schema with $ref ignores its neighbours in draft 7, so a description needs allOf.
std::string field_schema(const Field& field) {
    const std::string value = value_schema(field);
    const std::string about = fmt::format(R"("description":{})", text(field.help));
    if (value.starts_with("\"$ref\"")) return fmt::format(R"({{{},"allOf":[{{{}}}]}})", about, value);
    return fmt::format("{{{},{}}}", about, value);
}

std::string fields_schema(const std::vector<Field>& fields, const std::string& prefix, std::string_view help) {
    std::vector<std::string> properties;
    for (const Field& field : fields) {
        const bool here = field.key.starts_with(prefix) && field.key.find('.', prefix.size()) == std::string::npos;
        if (!here) continue;
        const std::string schema =
            field.kind == Kind::section ? fields_schema(fields, field.key + '.', field.help) : field_schema(field);
        properties.push_back(text(field.key.substr(prefix.size())) + ':' + schema);
    }
    return map_of(properties, help);
}

// A map whose keys are names of the operator.
std::string named(std::string_view help, std::string_view name, std::string_view value) {
    return fmt::format(R"({{"type":"object","description":{},"patternProperties":{{"^x-":{{}},{}:{}}},)"
                       R"("additionalProperties":false}})",
                       text(help), text(name), value);
}

std::string file_property(const Field& field) {
    const std::string handler = R"({"$ref":"#/definitions/handler"})";
    const std::string port = R"({"$ref":"#/definitions/port"})";
    const std::string short_or_port = fmt::format(R"({{"anyOf":[{{"type":"string"}},{}]}})", port);
    if (field.key == "version") return R"({"const":1,"description":"The version of this file's form."})";
    if (field.key == "handlers") return named(field.help, "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", handler);
    if (field.key == "ports") return named(field.help, "^(.+:)?[0-9]+(-[0-9]+)?/(tcp|udp)$", short_or_port);
    if (field.key == "admin") return fields_schema(admin_table().fields, "", field.help);
    if (field.key == "router") return fields_schema(router_table().fields, "", field.help);
    if (field.key == "defaults") return map_of({"\"handler\":" + handler, "\"port\":" + port}, field.help);
    return field_schema(field);
}

// Compact JSON with line ends and two spaces for each level.
std::string indented(std::string_view json) {
    std::string out;
    std::size_t depth = 0;
    bool quoted = false;
    const auto line = [&] { out += '\n' + std::string(depth * 2, ' '); };
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (c == '"' && (i == 0 || json[i - 1] != '\\')) quoted = !quoted;
        const bool empty = !quoted && c == '{' && json[i + 1] == '}';
        if (!quoted && (c == '}' || c == ']') && out.back() != '{') --depth, line();
        out += c;
        if (quoted) continue;
        if (empty)
            out += json[++i];
        else if (c == '{' || c == '[')
            ++depth, line();
        else if (c == ',')
            line();
        else if (c == ':')
            out += ' ';
    }
    return out + '\n';
}

}  // namespace

std::string json_schema() {
    std::vector<std::string> properties;
    for (const Field& field : file_fields())
        if (field.key.find('.') == std::string::npos)
            properties.push_back(text(field.key) + ':' + file_property(field));
    std::string root = map_of(properties, "The configuration of portier.");
    root.pop_back();
    const std::string definitions =
        fmt::format(R"("handler":{},"backend":{},"port":{},"text":{{"type":["string","number","boolean"]}},)"
                    R"("variable":{{"type":"string","pattern":"\\$\\{{"}})",
                    fields_schema(handler_table().fields, "", "A handler."),
                    fields_schema(backend_table().fields, "", "An address to connect to."),
                    fields_schema(port_table().fields, "", "A port."));
    return indented(fmt::format(R"({},"$schema":"http://json-schema.org/draft-07/schema#","title":"portier",)"
                                R"("required":["version"],"definitions":{{{}}}}})",
                                root, definitions));
}

}  // namespace portier::config
