// The keys of a handler.
#include "config/fields.hpp"

namespace portier::config {

namespace {

Scope only(const std::vector<Delivery>& deliveries) {
    return {.tcp = deliveries, .udp = deliveries};
}

const Scope kHandoff = only({Delivery::handoff});
const Scope kBalance = only({Delivery::handoff, Delivery::relay});
const Scope kSpawn = only({Delivery::spawn});
// One process for each connection.
const Scope kSpawnEach{.tcp = {Delivery::spawn}, .udp = {}, .accepting = true};

void add_program(Table<Handler>& table) {
    table.add(
        {.key = "delivery",
         .kind = Kind::word,
         .help = "How a connection reaches a process: `handoff` passes it each accepted connection, `inherit` gives it "
                 "the listening socket as systemd does, `relay` connects to an address and moves the bytes, `spawn` "
                 "starts a process for each connection as inetd does.",
         .example = "handoff",
         .words = {"handoff", "inherit", "relay", "spawn"}},
        [](auto& handler) -> auto& { return handler.delivery; });
    table.add(
        {.key = "command",
         .kind = Kind::texts,
         .help =
             "The program and its arguments; no shell. A program without a slash is looked up in PATH, a relative "
             "one starts from the folder of the main file. With `relay` it may be left out: then nothing is started. "
             "With `inherit` the sockets are descriptors 3, 4, ... in the order of the ports in the file, so an "
             "argument may name one (`fd@3`).",
         .example = "[./kitchen, --menu, veg]",
         .if_unset = "none",
         .required = true},
        [](auto& handler) -> auto& { return handler.command; });
    table.add(
        {.key = "program",
         .kind = Kind::text,
         .help = "The file to execute when `command` shall begin with another name (argv[0]).",
         .example = "/usr/lib/git-core/git",
         .if_unset = "what `command` begins with",
         .scope = process_scope()},
        [](auto& handler) -> auto& { return handler.program; });
    table.add(
        {.key = "processes",
         .kind = Kind::integer,
         .help = "How many processes run at the same time.",
         .example = "2",
         .min = 1,
         .max = 1024,
         .scope = staying_scope()},
        [](auto& handler) -> auto& { return handler.processes; });
    table.add(
        {.key = "balance",
         .kind = Kind::word,
         .help =
             "Which process or address gets the next connection; `source-hash` keeps a client address with its own, "
             "`random-two` takes the less busy of two that it picks.",
         .example = "least-connections",
         .words = {"round-robin", "least-connections", "source-hash", "random-two"},
         .scope = kBalance},
        [](auto& handler) -> auto& { return handler.balance; });
}

void add_handoff(Table<Handler>& table) {
    table.add(
        {.key = "dialect",
         .kind = Kind::word,
         .help = "How a process is told of its connections: portier's own contract (handlers/README.md), as node's "
                 "`process.on('message')` or as haproxy's `sockpair@` expects it. Over udp `portier` only.",
         .example = "node",
         .words = {"portier", "node", "haproxy"},
         .scope = kHandoff},
        [](auto& handler) -> auto& { return handler.dialect; });
}

void add_spawn(Table<Handler>& table) {
    constexpr std::uint64_t kMostProcesses = 16383;
    table.add(
        {.key = "style",
         .kind = Kind::word,
         .help = "What a process finds: `inetd` the connection as 0, 1 and 2; `ucspi` as 0 and 1, with TCPREMOTEIP and "
                 "the like; `systemd` as descriptor 3 (LISTEN_FDS, as Accept=yes gives it); `inetd-wait` the listener "
                 "or the udp socket itself as 0, 1 and 2, one process a port.",
         .example = "ucspi",
         .words = {"inetd", "inetd-wait", "ucspi", "systemd"},
         .scope = kSpawn},
        [](auto& handler) -> auto& { return handler.style; });
    table.add(
        {.key = "max_processes",
         .kind = Kind::integer,
         .help = "How many processes may run at the same time; the port's `over_limit` says what happens to others.",
         .example = "64",
         .min = 1,
         .max = kMostProcesses,
         .scope = kSpawnEach},
        [](auto& handler) -> auto& { return handler.max_processes; });
    table.add(
        {.key = "max_processes_per_source",
         .kind = Kind::integer,
         .help = "How many of them for one address (IPv6: one /64); 0: no limit.",
         .example = "4",
         .max = kMostProcesses,
         .scope = kSpawnEach},
        [](auto& handler) -> auto& { return handler.max_processes_per_source; });
}

Table<Handler> make_table() {
    Table<Handler> table;
    add_program(table);
    add_process(table);
    add_handoff(table);
    add_relay(table);
    add_spawn(table);
    return table;
}

}  // namespace

const Table<Handler>& handler_table() {
    static const Table<Handler> table = make_table();
    return table;
}

}  // namespace portier::config
