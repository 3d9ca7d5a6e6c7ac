#include "config/field.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>

#include "config/fields.hpp"
#include "config/port_key.hpp"
#include "config/units.hpp"

namespace portier::config {

namespace {

const std::vector<Delivery>& able(const Field& field, Protocol protocol) {
    return protocol == Protocol::tcp ? field.scope.tcp : field.scope.udp;
}

std::string between(const Field& field, std::string (*format)(std::uint64_t)) {
    if (field.min == field.max) return ": " + format(field.min);
    if (field.max == Field{}.max) return field.min == 0 ? "" : fmt::format(", at least {}", format(field.min));
    return fmt::format(" from {} to {}", format(field.min), format(field.max));
}

std::string format_integer(std::uint64_t value) {
    return std::to_string(value);
}

std::string signal_name(std::uint64_t number) {
    for (const auto& [name, value] : signal_names())
        if (static_cast<std::uint64_t>(value) == number) return name;
    return std::to_string(number);
}

std::string list_to_yaml(const std::vector<std::string>& texts) {
    std::vector<std::string> items;
    std::transform(texts.begin(), texts.end(), std::back_inserter(items), yaml_text);
    return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string networks_to_yaml(const std::vector<Network>& networks) {
    std::vector<std::string> items;
    for (const Network& network : networks) items.push_back(yaml_text(to_string(network)));
    return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string backends_to_yaml(const std::vector<Backend>& backends) {
    const Table<Backend>& table = backend_table();
    std::vector<std::string> items;
    for (const Backend& backend : backends) {
        std::vector<std::string> values;
        for (std::size_t i = 0; i < table.fields.size(); ++i)
            values.push_back(
                fmt::format("{}: {}", table.fields[i].key, to_yaml(table.fields[i], table.get(i, backend))));
        items.push_back(fmt::format("{{{}}}", fmt::join(values, ", ")));
    }
    return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string variables_to_yaml(const std::map<std::string, std::string>& variables) {
    std::vector<std::string> items;
    for (const auto& [name, text] : variables) items.push_back(fmt::format("{}: {}", yaml_text(name), yaml_text(text)));
    return fmt::format("{{{}}}", fmt::join(items, ", "));
}

}  // namespace

std::string expected(const Field& field) {
    switch (field.kind) {
        case Kind::section: return "a map";
        case Kind::boolean: return "true or false";
        case Kind::integer:
            return (field.zero.empty() ? "" : field.zero + " or ") + "a whole number" + between(field, format_integer);
        case Kind::duration: return "a duration" + between(field, format_duration);
        case Kind::seconds: return "a duration of whole seconds" + between(field, format_duration);
        case Kind::size: return "a size" + between(field, format_size);
        case Kind::rate: return "a rate";
        case Kind::text: return "text";
        case Kind::address: return "an IP address";
        case Kind::word: return fmt::format("{}", fmt::join(field.words, ", "));
        case Kind::signal: return "the name of a signal";
        case Kind::texts: return "a list of texts";
        case Kind::networks: return "a list of networks";
        case Kind::variables: return "a map of names to texts";
        case Kind::endpoint: return "an address and a port";
        case Kind::backends: return "a list of addresses";
    }
    return {};
}

std::string to_yaml(const Field& field, const Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return {};
    switch (field.kind) {
        case Kind::boolean: return std::get<bool>(value) ? "true" : "false";
        case Kind::integer: {
            const std::uint64_t number = std::get<std::uint64_t>(value);
            return number == 0 && !field.zero.empty() ? field.zero : std::to_string(number);
        }
        case Kind::duration:
        case Kind::seconds: return format_duration(std::get<std::uint64_t>(value));
        case Kind::size: return format_size(std::get<std::uint64_t>(value));
        case Kind::rate: return format_rate(std::get<Rate>(value));
        case Kind::text: return std::get<std::string>(value).empty() ? "" : yaml_text(std::get<std::string>(value));
        case Kind::word: return field.words.at(std::get<std::uint64_t>(value));
        case Kind::signal: return signal_name(std::get<std::uint64_t>(value));
        case Kind::address: return yaml_text(net::to_string(std::get<net::Address>(value)));
        case Kind::texts: {
            const auto& texts = std::get<std::vector<std::string>>(value);
            return texts.empty() && field.required ? "" : list_to_yaml(texts);
        }
        case Kind::networks: {
            const auto& networks = std::get<std::vector<Network>>(value);
            return networks.empty() && field.required ? "" : networks_to_yaml(networks);
        }
        case Kind::variables: return variables_to_yaml(std::get<std::map<std::string, std::string>>(value));
        case Kind::endpoint: return yaml_text(net::to_string(std::get<net::Endpoint>(value)));
        case Kind::backends: return backends_to_yaml(std::get<std::vector<Backend>>(value));
        case Kind::section: return {};
    }
    return {};
}

std::string yaml_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '$') out += '$';
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}

bool applies(const Field& field, const Handler& handler, Protocol protocol) {
    const std::vector<Delivery>& deliveries = able(field, protocol);
    if (std::find(deliveries.begin(), deliveries.end(), handler.delivery) == deliveries.end()) return false;
    if (field.scope.accepting && !router_accepts(handler)) return false;
    if (field.scope.staying && handler.delivery == Delivery::spawn && router_accepts(handler)) return false;
    return !field.scope.processes || handler.delivery != Delivery::relay || !handler.command.empty();
}

bool applies(const Field& field, const Handler& handler) {
    return applies(field, handler, {Protocol::tcp, Protocol::udp});
}

bool applies(const Field& field, const Handler& handler, const std::vector<Protocol>& protocols) {
    return std::any_of(protocols.begin(), protocols.end(),
                       [&](Protocol protocol) { return applies(field, handler, protocol); });
}

std::vector<Protocol> protocols_of(const Handler& handler, const std::vector<Port>& ports) {
    std::vector<Protocol> protocols;
    for (const Port& port : ports)
        if (port.handler == handler.name) protocols.push_back(port.protocol);
    return protocols.empty() ? std::vector{Protocol::tcp, Protocol::udp} : protocols;
}

const Field* section_of(const std::vector<Field>& fields, const Field& field) {
    const std::size_t dot = field.key.find('.');
    if (dot == std::string::npos) return nullptr;
    for (const Field& other : fields)
        if (other.key == std::string_view(field.key).substr(0, dot)) return &other;
    return nullptr;
}

std::string deliveries_of(const Field& field, Protocol protocol) {
    const std::vector<Delivery>& deliveries = able(field, protocol);
    std::string out;
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
        const char* before = i == 0 ? "delivery " : i + 1 < deliveries.size() ? ", " : " or ";
        out += std::string(before) + to_string(deliveries[i]);
    }
    return out;
}

const std::vector<std::pair<std::string, int>>& signal_names() {
    static const std::vector<std::pair<std::string, int>> names = {
        {"SIGTERM", SIGTERM}, {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT},  {"SIGHUP", SIGHUP},   {"SIGUSR1", SIGUSR1},
        {"SIGUSR2", SIGUSR2}, {"SIGKILL", SIGKILL}, {"SIGABRT", SIGABRT},  {"SIGALRM", SIGALRM}, {"SIGPIPE", SIGPIPE},
        {"SIGCONT", SIGCONT}, {"SIGPWR", SIGPWR},   {"SIGWINCH", SIGWINCH}};
    return names;
}

}  // namespace portier::config
