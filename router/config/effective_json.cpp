// effective_json(): the whole configuration for programs: each key with its value, null where there is none.
#include <boost/json.hpp>
#include <map>

#include "config/fields.hpp"
#include "config/port_key.hpp"

namespace portier::config {

namespace {

namespace json = boost::json;

json::value to_json(const Field& field, const Value& value);

json::array backends_to_json(const std::vector<Backend>& backends) {
    const Table<Backend>& table = backend_table();
    json::array all;
    for (const Backend& backend : backends) {
        json::object entry;
        for (std::size_t i = 0; i < table.fields.size(); ++i)
            entry[table.fields[i].key] = to_json(table.fields[i], table.get(i, backend));
        all.push_back(std::move(entry));
    }
    return all;
}

json::value to_json(const Field& field, const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag;
    if (field.kind == Kind::integer && std::holds_alternative<std::uint64_t>(value)) {
        const std::uint64_t number = std::get<std::uint64_t>(value);
        return number == 0 && !field.zero.empty() ? json::value(field.zero) : json::value(number);
    }
    if (const auto* text = std::get_if<std::string>(&value)) return text->empty() ? json::value() : json::value(*text);
    if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) return json::value_from(*texts);
    if (const auto* variables = std::get_if<std::map<std::string, std::string>>(&value))
        return json::value_from(*variables);
    if (const auto* backends = std::get_if<std::vector<Backend>>(&value)) return backends_to_json(*backends);
    if (const auto* address = std::get_if<net::Address>(&value)) return json::value(net::to_string(*address));
    if (const auto* endpoint = std::get_if<net::Endpoint>(&value)) return json::value(net::to_string(*endpoint));
    if (const auto* networks = std::get_if<std::vector<Network>>(&value)) {
        json::array all;
        for (const Network& network : *networks) all.emplace_back(to_string(network));
        return all;
    }
    const std::string text = to_yaml(field, value);  // durations, sizes, rates, words and signals are written so
    return text.empty() ? json::value() : json::value(text);
}

// Dotted keys become nested objects; `skip` says which fields have no business here.
template <typename Object, typename Skip>
json::object object_of(const Table<Object>& table, const Object& object, const Skip& skip) {
    json::object out;
    for (std::size_t i = 0; i < table.fields.size(); ++i) {
        const Field& field = table.fields[i];
        const std::size_t dot = field.key.find('.');
        if (skip(field)) continue;
        if (dot != std::string::npos) {
            const auto section = out.find(field.key.substr(0, dot));  // stands before its keys
            if (section != out.end())
                section->value().as_object()[field.key.substr(dot + 1)] = to_json(field, table.get(i, object));
        } else {
            out[field.key] =
                field.kind == Kind::section ? json::value(json::object()) : to_json(field, table.get(i, object));
        }
    }
    return out;
}

}  // namespace

std::string effective_json(const Config& config) {
    json::object handlers, ports;
    std::map<std::string, const Handler*> by_name;
    for (const Handler& handler : config.handlers) {
        by_name[handler.name] = &handler;
        const std::vector<Protocol> protocols = protocols_of(handler, config.ports);
        const auto skip = [&](const Field& field) { return !applies(field, handler, protocols); };
        handlers[handler.name] = object_of(handler_table(), handler, skip);
    }
    for (const Port& port : config.ports) {
        const auto skip = [&](const Field& field) { return !applies(field, *by_name[port.handler], port.protocol); };
        ports[port.key] = object_of(port_table(), port, skip);
    }
    const auto all = [](const Field&) { return false; };
    return json::serialize(json::object{{"version", 1},
                                        {"handlers", std::move(handlers)},
                                        {"ports", std::move(ports)},
                                        {"admin", object_of(admin_table(), config.admin, all)},
                                        {"router", object_of(router_table(), config.router, all)}});
}

}  // namespace portier::config
