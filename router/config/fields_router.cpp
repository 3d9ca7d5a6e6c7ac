// The keys of `admin` and `router`, and of the top level of a file.
#include "config/fields.hpp"

namespace portier::config {

namespace {

Table<Admin> make_admin_table() {
    Table<Admin> table;
    table.add(
        {.key = "listen",
         .kind = Kind::endpoint,
         .help = "Address and port of the status page, /api/status, /metrics, /healthz and /readyz over HTTP.",
         .example = "127.0.0.1:7000",
         .if_unset = "no HTTP"},
        [](auto& admin) -> auto& { return admin.listen; });
    table.add(
        {.key = "expose",
         .kind = Kind::boolean,
         .help = "Allows a `listen` that other machines can reach.",
         .example = "true"},
        [](auto& admin) -> auto& { return admin.expose; });
    table.add(
        {.key = "socket",
         .kind = Kind::text,
         .help =
             "The Unix socket that the command line talks to; a relative path starts from the folder of the main file.",
         .example = "/run/portier/portier.sock",
         .if_unset = "as `--socket` or `$PORTIER_SOCKET` say"},
        [](auto& admin) -> auto& { return admin.socket; });
    return table;
}

Table<Router> make_router_table() {
    Table<Router> table;
    table.add(
        {.key = "user",
         .kind = Kind::text,
         .help = "The user that the router runs as when portier was started as root.",
         .example = "nobody"},
        [](auto& router) -> auto& { return router.user; });
    table.add(
        {.key = "drain_timeout",
         .kind = Kind::duration,
         .help = "How long a stop waits for connections to end.",
         .example = "30s",
         .max = 24 * 3600000ULL},
        [](auto& router) -> auto& { return router.drain_timeout; });
    table.add({.key = "log", .kind = Kind::section, .help = "What is logged to stderr, and how."});
    table.add(
        {.key = "log.level",
         .kind = Kind::word,
         .help = "The least important lines that are written.",
         .example = "debug",
         .words = {"debug", "info", "warning", "error"}},
        [](auto& router) -> auto& { return router.log.level; });
    table.add(
        {.key = "log.format",
         .kind = Kind::word,
         .help = "`auto`: text on a terminal, otherwise one JSON object a line.",
         .example = "json",
         .words = {"auto", "text", "json"}},
        [](auto& router) -> auto& { return router.log.format; });
    table.add(
        {.key = "log.connections",
         .kind = Kind::boolean,
         .help = "One line for every connection at its end.",
         .example = "true"},
        [](auto& router) -> auto& { return router.log.connections; });
    table.add(
        {.key = "relay_threads",
         .kind = Kind::integer,
         .help = "Threads that move the bytes of delivery `relay`; `auto`: one for each processor.",
         .example = "4",
         .min = 1,
         .max = 64,
         .zero = "auto"},
        [](auto& router) -> auto& { return router.relay_threads; });
    return table;
}

}  // namespace

const std::vector<Field>& file_fields() {
    static const std::vector<Field> fields = {
        {.key = "version",
         .kind = Kind::integer,
         .help = "The version of this file's form: 1.",
         .min = 1,
         .max = 1,
         .required = true},
        {.key = "include",
         .kind = Kind::texts,
         .help =
             "Further files with `handlers`, `ports` and `include`; relative to this file, with * ? [] as in a shell.",
         .example = "[conf.d/*.yaml]"},
        {.key = "defaults", .kind = Kind::section, .help = "Values for every handler and port that does not set them."},
        {.key = "defaults.handler", .kind = Kind::section, .help = "Keys of a handler."},
        {.key = "defaults.port",
         .kind = Kind::section,
         .help = "Keys of a port; where one does not apply it is left out."},
        {.key = "handlers", .kind = Kind::section, .help = "What serves the ports, by name."},
        {.key = "ports", .kind = Kind::section, .help = "What portier binds, by `[address:]port[-port]/protocol`."},
        {.key = "admin", .kind = Kind::section, .help = "How portier is watched and commanded."},
        {.key = "router", .kind = Kind::section, .help = "The router process."},
    };
    return fields;
}

const Table<Admin>& admin_table() {
    static const Table<Admin> table = make_admin_table();
    return table;
}

const Table<Router>& router_table() {
    static const Table<Router> table = make_router_table();
    return table;
}

}  // namespace portier::config
