// effective_yaml(): the whole configuration as one file that loads to the same.
#include <fmt/format.h>

#include <map>

#include "config/fields.hpp"

namespace portier::config {

namespace {

// "key: value", or as a comment what holds when there is no value.
std::string line_of(const Field& field, const Value& value) {
    const std::string name = field.key.substr(field.key.find('.') + 1);
    const std::string text = to_yaml(field, value);
    return text.empty() ? fmt::format("# {}: {}\n", name, field.if_unset) : fmt::format("{}: {}\n", name, text);
}

// A section with its keys; without a single value it is an empty map, and without one that it needs it is not there.
template <typename Object>
std::string section_of(const Table<Object>& table, const Object& object, const std::string& key,
                       const std::string& margin) {
    std::string below;
    bool has_values = false;
    for (std::size_t i = 0; i < table.fields.size(); ++i) {
        if (!table.fields[i].key.starts_with(key + '.')) continue;
        const std::string line = line_of(table.fields[i], table.get(i, object));
        if (table.fields[i].required && line.starts_with('#')) return fmt::format("{}# {}: none\n", margin, key);
        has_values = has_values || !line.starts_with('#');
        below += margin + "  " + line;
    }
    return fmt::format("{}{}:{}\n{}", margin, key, has_values ? "" : " {}", below);
}

// Prints fields as keys, sections as nested maps; `skip` says which fields have no business here.
template <typename Object, typename Skip>
std::string print(const Table<Object>& table, const Object& object, int indent, const Skip& skip) {
    std::string out;
    const std::string margin(static_cast<std::size_t>(indent), ' ');
    for (std::size_t i = 0; i < table.fields.size(); ++i) {
        const Field& field = table.fields[i];
        if (skip(field) || field.key.find('.') != std::string::npos) continue;
        out += field.kind == Kind::section ? section_of(table, object, field.key, margin)
                                           : margin + line_of(field, table.get(i, object));
    }
    return out;
}

std::string counted(std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::string summary(const Config& config) {
    std::size_t ports = 0;
    for (const Port& port : config.ports) ports += port.last - port.first + 1U;
    return counted(ports, "port") + ", " + counted(config.handlers.size(), "handler");
}

std::string effective_yaml(const Config& config) {
    std::string out = "version: 1\n\nhandlers:";
    std::map<std::string, const Handler*> handlers;
    out += config.handlers.empty() ? " {}\n" : "\n";
    for (const Handler& handler : config.handlers) {
        handlers[handler.name] = &handler;
        const std::vector<Protocol> protocols = protocols_of(handler, config.ports);
        const auto skip = [&](const Field& field) { return !applies(field, handler, protocols); };
        out += fmt::format("  {}:\n{}", yaml_text(handler.name), print(handler_table(), handler, 4, skip));
    }
    out += config.ports.empty() ? "\nports: {}\n" : "\nports:\n";
    for (const Port& port : config.ports) {
        const auto skip = [&](const Field& field) { return !applies(field, *handlers[port.handler], port.protocol); };
        out += fmt::format("  {}:\n{}", yaml_text(port.key), print(port_table(), port, 4, skip));
    }
    const auto all = [](const Field&) { return false; };
    out += "\nadmin:\n" + print(admin_table(), config.admin, 2, all);
    out += "\nrouter:\n" + print(router_table(), config.router, 2, all);
    return out;
}

}  // namespace portier::config
