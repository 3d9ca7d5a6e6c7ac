// The keys of delivery relay, and of an entry of its `connect`.
#include "config/fields.hpp"

namespace portier::config {

namespace {

constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kMostConnections = 1000000000;

const Scope kRelay{.tcp = {Delivery::relay}, .udp = {Delivery::relay}};
const Scope kConnections{.tcp = {Delivery::relay}, .udp = {}};
const Scope kDatagrams{.tcp = {}, .udp = {Delivery::relay}};

void add_connecting(Table<Handler>& table) {
    table.add(
        {.key = "connect",
         .kind = Kind::backends,
         .help =
             "Where to connect to: `address:port`, `name:port`, `unix:/path` (a relative path starts from the folder "
             "of the main file) or a map with `address` and more, see below. Required for `relay`. Names are "
             "resolved at the start and by each reload, not by `check`.",
         .example = "[\"127.0.0.1:6379\", {address: \"db.example.org:6379\", backup: true}]",
         .scope = kRelay},
        [](auto& handler) -> auto& { return handler.connect; });
    table.add(
        {.key = "connect_timeout",
         .kind = Kind::duration,
         .help = "How long an attempt to connect may take.",
         .example = "500ms",
         .min = 1,
         .max = kHour,
         .scope = kConnections},
        [](auto& handler) -> auto& { return handler.connect_timeout; });
    table.add(
        {.key = "attempts",
         .kind = Kind::integer,
         .help = "How many addresses are tried for one connection before it is given up.",
         .example = "2",
         .min = 1,
         .max = 100,
         .scope = kConnections},
        [](auto& handler) -> auto& { return handler.attempts; });
    table.add(
        {.key = "fail_timeout",
         .kind = Kind::duration,
         .help = "So long an address that failed is passed over while there are others; 0s: it is not.",
         .example = "10s",
         .max = kHour,
         .scope = kRelay},
        [](auto& handler) -> auto& { return handler.fail_timeout; });
}

void add_health(Table<Handler>& table) {
    table.add({.key = "health",
               .kind = Kind::section,
               .help = "Asks each address now and then whether it can be connected to (TCP or Unix).",
               .scope = kConnections});
    table.add(
        {.key = "health.interval",
         .kind = Kind::duration,
         .help = "Time between two checks of an address; 0s: none.",
         .example = "2s",
         .max = kHour},
        [](auto& handler) -> auto& { return handler.health.interval; });
    table.add(
        {.key = "health.timeout",
         .kind = Kind::duration,
         .help = "How long a check may take; at most the interval.",
         .example = "1s",
         .min = 1,
         .max = kHour},
        [](auto& handler) -> auto& { return handler.health.timeout; });
    table.add(
        {.key = "health.rise",
         .kind = Kind::integer,
         .help = "So many good checks in a row bring an address back.",
         .example = "2",
         .min = 1,
         .max = 100},
        [](auto& handler) -> auto& { return handler.health.rise; });
    table.add(
        {.key = "health.fall",
         .kind = Kind::integer,
         .help = "So many failed checks in a row take it out.",
         .example = "3",
         .min = 1,
         .max = 100},
        [](auto& handler) -> auto& { return handler.health.fall; });
}

void add_queue(Table<Handler>& table) {
    table.add({.key = "queue",
               .kind = Kind::section,
               .help = "Connections that wait because every address has its `max_connections`.",
               .scope = kConnections});
    table.add(
        {.key = "queue.max",
         .kind = Kind::integer,
         .help = "How many may wait; 0: they are refused at once.",
         .example = "100",
         .max = 1000000},
        [](auto& handler) -> auto& { return handler.queue.max; });
    table.add(
        {.key = "queue.timeout",
         .kind = Kind::duration,
         .help = "How long one may wait.",
         .example = "5s",
         .min = 1,
         .max = kHour},
        [](auto& handler) -> auto& { return handler.queue.timeout; });
}

void add_appearance(Table<Handler>& table) {
    table.add(
        {.key = "source_address",
         .kind = Kind::address,
         .help = "The local address to connect from.",
         .example = "10.0.0.1",
         .if_unset = "the kernel's choice",
         .scope = kRelay},
        [](auto& handler) -> auto& { return handler.source_address; });
    table.add(
        {.key = "transparent",
         .kind = Kind::boolean,
         .help =
             "Connect from the client's own address (IP_TRANSPARENT); needs CAP_NET_ADMIN, and routes that bring the "
             "answers back.",
         .example = "true",
         .scope = kRelay},
        [](auto& handler) -> auto& { return handler.transparent; });
    table.add(
        {.key = "proxy_protocol",
         .kind = Kind::word,
         .help = "Send a PROXY header of this version, which says who the client is. Over udp `v2` only.",
         .example = "v2",
         .words = {"v1", "v2"},
         .if_unset = "none",
         .scope = kRelay},
        [](auto& handler) -> auto& { return handler.proxy_protocol; });
    table.add(
        {.key = "proxy_datagrams",
         .kind = Kind::word,
         .help = "Which datagrams of a flow carry the header of `proxy_protocol`.",
         .example = "first",
         .words = {"every", "first"},
         .scope = kDatagrams},
        [](auto& handler) -> auto& { return handler.proxy_datagrams; });
}

Table<Backend> make_backend_table() {
    Table<Backend> table;
    table.add(
        {.key = "address",
         .kind = Kind::text,
         .help = "As an entry without a map.",
         .example = "\"db.example.org:6379\"",
         .required = true},
        [](auto& backend) -> auto& { return backend.text; });
    table.add(
        {.key = "weight",
         .kind = Kind::integer,
         .help = "Its share of the connections, compared with the others; 0: it gets no new ones.",
         .example = "10",
         .max = 256},
        [](auto& backend) -> auto& { return backend.weight; });
    table.add(
        {.key = "backup",
         .kind = Kind::boolean,
         .help = "Used only while none of the others can be.",
         .example = "true"},
        [](auto& backend) -> auto& { return backend.backup; });
    table.add(
        {.key = "max_connections",
         .kind = Kind::integer,
         .help = "Connections to it at the same time; 0: no limit.",
         .example = "100",
         .max = kMostConnections},
        [](auto& backend) -> auto& { return backend.max_connections; });
    return table;
}

}  // namespace

void add_relay(Table<Handler>& table) {
    add_connecting(table);
    add_health(table);
    add_queue(table);
    add_appearance(table);
}

const Table<Backend>& backend_table() {
    static const Table<Backend> table = make_backend_table();
    return table;
}

}  // namespace portier::config
