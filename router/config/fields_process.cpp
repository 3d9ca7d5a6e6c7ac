// The keys of a handler that say how its processes are run.
#include "config/fields.hpp"

namespace portier::config {

namespace {

constexpr std::uint64_t kHour = 3600000;
constexpr std::uint64_t kMiB = 1 << 20;

const Scope kProcesses = process_scope();
const Scope kStaying = staying_scope();
// Where the connections of each process are counted.
const Scope kCounted{.tcp = {Delivery::handoff, Delivery::inherit}, .udp = {Delivery::handoff, Delivery::inherit}};

void add_surroundings(Table<Handler>& table) {
    table.add(
        {.key = "user",
         .kind = Kind::text,
         .help = "The user that the processes run as; needs root.",
         .example = "kitchen",
         .if_unset = "as portier itself",
         .scope = kProcesses},
        [](auto& handler) -> auto& { return handler.user; });
    table.add(
        {.key = "group",
         .kind = Kind::text,
         .help = "The group that the processes run as; needs root.",
         .example = "kitchen",
         .if_unset = "the user's own",
         .scope = kProcesses},
        [](auto& handler) -> auto& { return handler.group; });
    table.add(
        {.key = "env",
         .kind = Kind::variables,
         .help =
             "Environment variables of the processes; those of the defaults stay beside them. Those of the contracts "
             "(`LISTEN_FDS`, `NOTIFY_SOCKET`, `PORTIER_FD` and the like) are portier's own. With `inherit` a value may "
             "name an inherited descriptor (`NGINX: \"3;\"`): they are 3, 4, ... in the order of the ports in the "
             "file.",
         .example = "{MENU: veg}",
         .reserved = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                      "PORTIER_FD", "PORTIER_HANDLER", "PORTIER_PROCESS", "NODE_CHANNEL_FD",
                      "NODE_CHANNEL_SERIALIZATION_MODE"},
         .scope = kProcesses},
        [](auto& handler) -> auto& { return handler.env; });
    table.add(
        {.key = "working_directory",
         .kind = Kind::text,
         .help = "Where the processes start; a relative one starts from the folder of the main file.",
         .example = "/srv/kitchen",
         .if_unset = "the folder of the main file",
         .scope = kProcesses},
        [](auto& handler) -> auto& { return handler.working_directory; });
}

void add_readiness(Table<Handler>& table) {
    table.add(
        {.key = "ready",
         .kind = Kind::word,
         .help = "When a process is ready: at once, or when it says READY=1 on NOTIFY_SOCKET (sd_notify).",
         .example = "notify",
         .words = {"immediate", "notify"},
         .scope = kStaying},
        [](auto& handler) -> auto& { return handler.ready; });
    table.add(
        {.key = "ready_timeout",
         .kind = Kind::duration,
         .help = "How long a process may take until it is ready.",
         .example = "5s",
         .min = 1,
         .max = 24 * kHour,
         .scope = kStaying},
        [](auto& handler) -> auto& { return handler.ready_timeout; });
    table.add(
        {.key = "watchdog",
         .kind = Kind::duration,
         .help = "A process that stays silent for so long (WATCHDOG=1, sd_notify) is restarted; 0s: never.",
         .example = "30s",
         .max = 24 * kHour,
         .scope = kStaying},
        [](auto& handler) -> auto& { return handler.watchdog; });
    table.add(
        {.key = "start",
         .kind = Kind::word,
         .help = "When the processes start: with portier, or with the first connection.",
         .example = "on_demand",
         .words = {"always", "on_demand"},
         .scope = kStaying},
        [](auto& handler) -> auto& { return handler.start; });
    table.add(
        {.key = "stop_when_idle",
         .kind = Kind::duration,
         .help =
             "Processes started on demand stop when they had no connection for so long; 0s: never. Not for a handler "
             "with a udp port: only connections are counted.",
         .example = "10m",
         .max = 24 * 365 * kHour,
         .scope = kCounted},
        [](auto& handler) -> auto& { return handler.stop_when_idle; });
}

void add_limits(Table<Handler>& table) {
    const std::string unset = "as portier itself";
    table.add(
        {.key = "limits", .kind = Kind::section, .help = "Limits of each process (setrlimit).", .scope = kProcesses});
    table.add(
        {.key = "limits.open_files",
         .kind = Kind::integer,
         .help = "Open descriptors; a handoff process needs one for each connection that it holds.",
         .example = "20000",
         .min = 16,
         .if_unset = unset},
        [](auto& handler) -> auto& { return handler.limits.open_files; });
    table.add(
        {.key = "limits.memory",
         .kind = Kind::size,
         .help = "Address space.",
         .example = "512MiB",
         .min = kMiB,
         .if_unset = unset},
        [](auto& handler) -> auto& { return handler.limits.memory; });
    table.add(
        {.key = "limits.processes",
         .kind = Kind::integer,
         .help = "Processes and threads of the handler's user.",
         .example = "64",
         .min = 1,
         .if_unset = unset},
        [](auto& handler) -> auto& { return handler.limits.processes; });
    table.add(
        {.key = "limits.core", .kind = Kind::size, .help = "Size of a core dump.", .example = "0B", .if_unset = unset},
        [](auto& handler) -> auto& { return handler.limits.core; });
    table.add(
        {.key = "limits.cpu",
         .kind = Kind::seconds,
         .help = "CPU time in whole seconds, after which the process is killed.",
         .example = "1h",
         .min = 1000,
         .if_unset = unset},
        [](auto& handler) -> auto& { return handler.limits.cpu; });
}

void add_life(Table<Handler>& table) {
    table.add({.key = "restart",
               .kind = Kind::section,
               .help = "How fast a process that ended is started again.",
               .scope = {.processes = true, .staying = true}});
    table.add(
        {.key = "restart.first",
         .kind = Kind::duration,
         .help = "Pause before the first restart; it doubles with each further one.",
         .example = "100ms",
         .min = 1,
         .max = kHour},
        [](auto& handler) -> auto& { return handler.restart.first; });
    table.add(
        {.key = "restart.max",
         .kind = Kind::duration,
         .help = "The longest pause.",
         .example = "30s",
         .min = 1,
         .max = 24 * kHour},
        [](auto& handler) -> auto& { return handler.restart.max; });
    table.add({.key = "stop", .kind = Kind::section, .help = "How a process is ended.", .scope = kProcesses});
    table.add(
        {.key = "stop.signal", .kind = Kind::signal, .help = "The signal that asks it to end.", .example = "SIGQUIT"},
        [](auto& handler) -> auto& { return handler.stop.signal; });
    table.add(
        {.key = "stop.timeout",
         .kind = Kind::duration,
         .help = "After so long its whole process group is killed.",
         .example = "10s",
         .max = 24 * kHour},
        [](auto& handler) -> auto& { return handler.stop.timeout; });
}

}  // namespace

Scope process_scope() {
    return {.processes = true};
}

Scope staying_scope() {
    const std::vector<Delivery> deliveries = {Delivery::handoff, Delivery::inherit, Delivery::relay};
    return {.tcp = deliveries, .udp = deliveries, .processes = true};
}

void add_process(Table<Handler>& table) {
    add_surroundings(table);
    add_readiness(table);
    add_limits(table);
    add_life(table);
}

}  // namespace portier::config
