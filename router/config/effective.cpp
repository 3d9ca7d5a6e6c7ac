// effective_yaml(): the whole configuration as one file that loads to the same.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/fields.hpp"

namespace portier::config {

namespace {

// Prints fields as keys, sections as nested maps; `skip` says which fields have no business here.
template <typename Object, typename Skip>
std::string print(const Table<Object>& table, const Object& object, int indent, const Skip& skip) {
    std::string out;
    for (std::size_t i = 0; i < table.fields.size(); ++i) {
        const Field& field = table.fields[i];
        if (field.planned || skip(field)) continue;
        const std::size_t dot = field.key.find('.');
        const bool nested = dot != std::string::npos;
        const std::string name = nested ? field.key.substr(dot + 1) : field.key;
        const std::string margin(static_cast<std::size_t>(indent + (nested ? 2 : 0)), ' ');
        if (field.kind == Kind::section) {
            out += fmt::format("{}{}:\n", margin, name);
            continue;
        }
        const std::string value = to_yaml(field, table.get(i, object));
        out += value.empty() ? fmt::format("{}# {}: {}\n", margin, name, field.if_unset)
                             : fmt::format("{}{}: {}\n", margin, name, value);
    }
    return out;
}

const Field* section_of(const std::vector<Field>& fields, const Field& field) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& other) {
        return other.kind == Kind::section && field.key.starts_with(other.key + '.');
    });
    return found == fields.end() ? nullptr : &*found;
}

}  // namespace

std::string effective_yaml(const Config& config) {
    std::string out = "version: 1\n\nhandlers:";
    std::map<std::string, Delivery> deliveries;
    out += config.handlers.empty() ? " {}\n" : "\n";
    for (const Handler& handler : config.handlers) {
        deliveries[handler.name] = handler.delivery;
        const auto skip = [&](const Field& field) { return !applies(field, handler.delivery, Protocol::tcp); };
        out += fmt::format("  {}:\n{}", yaml_text(handler.name), print(handler_table(), handler, 4, skip));
    }
    out += config.ports.empty() ? "\nports: {}\n" : "\nports:\n";
    for (const Port& port : config.ports) {
        const auto& fields = port_table().fields;
        const auto skip = [&](const Field& field) {
            const Field* section = section_of(fields, field);
            const auto fits = [&](const Field& one) { return applies(one, deliveries[port.handler], port.protocol); };
            return !fits(field) || (section != nullptr && !fits(*section));
        };
        out += fmt::format("  {}:\n{}", yaml_text(port.key), print(port_table(), port, 4, skip));
    }
    const auto all = [](const Field&) { return false; };
    out += "\nadmin:\n" + print(admin_table(), config.admin, 2, all);
    out += "\nrouter:\n" + print(router_table(), config.router, 2, all);
    return out;
}

}  // namespace portier::config
