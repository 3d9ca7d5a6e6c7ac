// The keys of a port.
#include "config/fields.hpp"

namespace portier::config {

namespace {

const Scope kTcp{.deliveries = {}, .protocols = {Protocol::tcp}};
// Only who accepts a connection can refuse it.
const Scope kAdmission{.deliveries = {Delivery::handoff}, .protocols = {}};

void add_socket(Table<Port>& table) {
    table.add(
        {.key = "handler",
         .kind = Kind::text,
         .help = "The handler that serves this port.",
         .example = "veg",
         .required = true},
        [](auto& port) -> auto& { return port.handler; });
    table.add(
        {.key = "backlog",
         .kind = Kind::integer,
         .help = "Connections that may wait in the kernel until somebody accepts them (net.core.somaxconn caps it).",
         .example = "1024",
         .min = 1,
         .max = 65535,
         .scope = kTcp},
        [](auto& port) -> auto& { return port.backlog; });
}

void add_tcp(Table<Port>& table) {
    table.add({.key = "tcp", .kind = Kind::section, .help = "Options of the connections, see tcp(7).", .scope = kTcp});
    table.add(
        {.key = "tcp.nodelay", .kind = Kind::boolean, .help = "Send small pieces at once.", .example = "true"},
        [](auto& port) -> auto& { return port.tcp.nodelay; });
    table.add(
        {.key = "tcp.keepalive",
         .kind = Kind::seconds,
         .help = "Ask a silent peer after so many whole seconds whether it is still there.",
         .example = "2m",
         .min = 1000,
         .max = 32400000,
         .if_unset = "off"},
        [](auto& port) -> auto& { return port.tcp.keepalive; });
    table.add(
        {.key = "tcp.user_timeout",
         .kind = Kind::duration,
         .help = "Give up a connection whose data stayed unacknowledged for so long.",
         .example = "30s",
         .min = 1,
         .max = 86400000,
         .if_unset = "the kernel's"},
        [](auto& port) -> auto& { return port.tcp.user_timeout; });
    table.add(
        {.key = "tcp.fast_open",
         .kind = Kind::integer,
         .help = "Length of the TCP Fast Open queue; 0: off.",
         .example = "256",
         .max = 65535},
        [](auto& port) -> auto& { return port.tcp.fast_open; });
    table.add(
        {.key = "tcp.defer_accept",
         .kind = Kind::seconds,
         .help = "Accept a connection only with its first data, waiting so many whole seconds for it.",
         .example = "5s",
         .min = 1000,
         .max = 3600000,
         .if_unset = "off"},
        [](auto& port) -> auto& { return port.tcp.defer_accept; });
}

void add_limits(Table<Port>& table) {
    constexpr std::uint64_t kMost = 1000000000;
    table.add(
        {.key = "max_connections",
         .kind = Kind::integer,
         .help = "Connections at the same time; 0: no limit.",
         .example = "10000",
         .max = kMost,
         .scope = kAdmission},
        [](auto& port) -> auto& { return port.max_connections; });
    table.add(
        {.key = "max_connections_per_source",
         .kind = Kind::integer,
         .help = "Connections at the same time from one address (IPv6: one /64); 0: no limit.",
         .example = "100",
         .max = kMost,
         .scope = kAdmission},
        [](auto& port) -> auto& { return port.max_connections_per_source; });
    table.add(
        {.key = "accept_rate",
         .kind = Kind::rate,
         .help = "New connections in a time.",
         .example = "500/s",
         .if_unset = "no limit",
         .scope = kAdmission},
        [](auto& port) -> auto& { return port.accept_rate; });
    table.add(
        {.key = "accept_rate_per_source",
         .kind = Kind::rate,
         .help = "New connections in a time from one address (IPv6: one /64).",
         .example = "100/m",
         .if_unset = "no limit",
         .scope = kAdmission},
        [](auto& port) -> auto& { return port.accept_rate_per_source; });
}

void add_refusal(Table<Port>& table) {
    table.add(
        {.key = "allow",
         .kind = Kind::networks,
         .help = "Only these networks may connect; everybody else is refused.",
         .example = "[10.0.0.0/8, \"fd00::/8\"]",
         .scope = kAdmission},
        [](auto& port) -> auto& { return port.allow; });
    table.add(
        {.key = "deny",
         .kind = Kind::networks,
         .help = "These networks are refused; checked before `allow`.",
         .example = "[10.9.0.0/16]",
         .scope = kAdmission},
        [](auto& port) -> auto& { return port.deny; });
    table.add(
        {.key = "over_limit",
         .kind = Kind::word,
         .help = "What happens to a connection beyond a limit: it waits in the kernel's queue, is reset or is closed.",
         .example = "reset",
         .words = {"wait", "reset", "close"},
         .scope = kAdmission},
        [](auto& port) -> auto& { return port.over_limit; });
}

// Keys of deliveries that are not in this version: to add one, give it a kind and a member.
void add_planned(Table<Port>& table) {
    for (const char* key : {"idle_timeout", "proxy_protocol"})
        table.add({.key = key, .kind = Kind::anything, .help = "delivery relay", .planned = true});
    for (const char* key : {"flow_idle", "max_flows", "max_flows_per_source"})
        table.add({.key = key, .kind = Kind::anything, .help = "handoff and relay over UDP", .planned = true});
}

Table<Port> make_table() {
    Table<Port> table;
    add_socket(table);
    add_tcp(table);
    add_limits(table);
    add_refusal(table);
    add_planned(table);
    return table;
}

}  // namespace

const Table<Port>& port_table() {
    static const Table<Port> table = make_table();
    return table;
}

}  // namespace portier::config
