// The keys of a port.
#include "config/fields.hpp"

namespace portier::config {

namespace {

constexpr std::uint64_t kHour = 3600000;

const std::vector<Delivery> kAccepting = {Delivery::handoff, Delivery::relay, Delivery::spawn};
const std::vector<Delivery> kReading = {Delivery::handoff, Delivery::relay};

const Scope kTcp{.udp = {}};
// Only who accepts a connection, or reads the datagrams, can refuse it.
const Scope kAdmission{.tcp = kAccepting, .udp = {}, .accepting = true};
const Scope kNetworks{.tcp = kAccepting, .udp = kReading, .accepting = true};
const Scope kProxy{.tcp = kAccepting, .udp = {Delivery::relay}, .accepting = true};
const Scope kFlows{.tcp = {}, .udp = kReading};
const Scope kIdle{.tcp = {Delivery::relay}, .udp = {}};

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
         .scope = kAdmission,
         .over_udp = "max_flows"},
        [](auto& port) -> auto& { return port.max_connections; });
    table.add(
        {.key = "max_connections_per_source",
         .kind = Kind::integer,
         .help = "Connections at the same time from one address (IPv6: one /64); 0: no limit.",
         .example = "100",
         .max = kMost,
         .scope = kAdmission,
         .over_udp = "max_flows_per_source"},
        [](auto& port) -> auto& { return port.max_connections_per_source; });
    table.add(
        {.key = "accept_rate",
         .kind = Kind::rate,
         .help = "New connections in a time.",
         .example = "500/s",
         .if_unset = "no limit",
         .scope = kAdmission,
         .over_udp = "max_flows"},
        [](auto& port) -> auto& { return port.accept_rate; });
    table.add(
        {.key = "accept_rate_per_source",
         .kind = Kind::rate,
         .help = "New connections in a time from one address (IPv6: one /64).",
         .example = "100/m",
         .if_unset = "no limit",
         .scope = kAdmission,
         .over_udp = "max_flows_per_source"},
        [](auto& port) -> auto& { return port.accept_rate_per_source; });
}

void add_refusal(Table<Port>& table) {
    table.add(
        {.key = "allow",
         .kind = Kind::networks,
         .help = "Only these networks may connect; everybody else is refused.",
         .example = "[10.0.0.0/8, \"fd00::/8\"]",
         .scope = kNetworks},
        [](auto& port) -> auto& { return port.allow; });
    table.add(
        {.key = "deny",
         .kind = Kind::networks,
         .help = "These networks are refused; checked before `allow`.",
         .example = "[10.9.0.0/16]",
         .scope = kNetworks},
        [](auto& port) -> auto& { return port.deny; });
    table.add(
        {.key = "over_limit",
         .kind = Kind::word,
         .help = "What happens to a connection beyond a limit: it waits in the kernel's queue, is reset or is closed.",
         .example = "reset",
         .words = {"wait", "reset", "close"},
         .scope = kAdmission,
         .over_udp = "max_flows"},
        [](auto& port) -> auto& { return port.over_limit; });
}

void add_proxy(Table<Port>& table) {
    table.add({.key = "proxy_protocol",
               .kind = Kind::section,
               .help = "Clients come through a proxy that says who they are (PROXY protocol, v1 or v2; over udp v2).",
               .scope = kProxy});
    table.add(
        {.key = "proxy_protocol.from",
         .kind = Kind::networks,
         .help =
             "The networks of the proxies. Only they may connect, and each connection has to begin with the header.",
         .example = "[10.0.0.0/8]",
         .required = true},
        [](auto& port) -> auto& { return port.proxy_protocol.from; });
    table.add(
        {.key = "proxy_protocol.timeout",
         .kind = Kind::duration,
         .help = "How long the header may take to come.",
         .example = "5s",
         .min = 1,
         .max = kHour},
        [](auto& port) -> auto& { return port.proxy_protocol.timeout; });
}

void add_idle(Table<Port>& table) {
    table.add(
        {.key = "idle_timeout",
         .kind = Kind::duration,
         .help = "A connection on which neither side has sent anything for so long is closed; 0s: never.",
         .example = "5m",
         .max = 24 * kHour,
         .scope = kIdle,
         .over_udp = "flow_idle"},
        [](auto& port) -> auto& { return port.idle_timeout; });
    table.add(
        {.key = "flow_idle",
         .kind = Kind::duration,
         .help = "A flow without a datagram for so long has ended.",
         .example = "30s",
         .min = 1,
         .max = 24 * kHour,
         .scope = kFlows},
        [](auto& port) -> auto& { return port.flow_idle; });
    table.add(
        {.key = "max_flows",
         .kind = Kind::integer,
         .help = "Flows at the same time; beyond it the one that was idle longest makes room.",
         .example = "10000",
         .min = 1,
         .max = 1000000,
         .if_unset = "4096 with `handoff`, 65536 with `relay`",
         .scope = kFlows},
        [](auto& port) -> auto& { return port.max_flows; });
    table.add(
        {.key = "max_flows_per_source",
         .kind = Kind::integer,
         .help = "Flows at the same time from one address (IPv6: one /64); 0: no limit.",
         .example = "100",
         .max = 1000000,
         .scope = kFlows},
        [](auto& port) -> auto& { return port.max_flows_per_source; });
}

Table<Port> make_table() {
    Table<Port> table;
    add_socket(table);
    add_tcp(table);
    add_limits(table);
    add_refusal(table);
    add_proxy(table);
    add_idle(table);
    return table;
}

}  // namespace

const Table<Port>& port_table() {
    static const Table<Port> table = make_table();
    return table;
}

}  // namespace portier::config
