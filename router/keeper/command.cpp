#include "keeper/command.hpp"

#include <stdlib.h>
#include <sys/resource.h>

#include <system_error>

#include "proc/descriptor_limit.hpp"

namespace portier::keeper {

namespace {

std::vector<proc::ResourceLimit> resource_limits(const config::Limits& limits) {
    std::vector<proc::ResourceLimit> result;
    const auto add = [&](int resource, const std::optional<std::uint64_t>& value) {
        if (value) result.push_back({resource, *value});
    };
    add(RLIMIT_NOFILE, limits.open_files);
    add(RLIMIT_AS, limits.memory);
    add(RLIMIT_NPROC, limits.processes);
    add(RLIMIT_CORE, limits.core);
    if (limits.cpu)
        result.push_back(
            {RLIMIT_CPU, static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(*limits.cpu).count())});
    return result;
}

std::string identity_text(const config::Handler& handler) {
    if (handler.user.empty()) return "group " + handler.group;
    return "user " + handler.user + (handler.group.empty() ? "" : " or group " + handler.group);
}

void add_identity(proc::Command& command, const config::Handler& handler) {
    if (handler.user.empty() && handler.group.empty()) return;
    command.identity = proc::find_identity(handler.user, handler.group);
    if (!command.identity)
        throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                "handler " + handler.name + ": " + identity_text(handler) + " is gone");
    if (handler.user.empty()) return;  // the names stay as they are
    command.environment["USER"] = command.environment["LOGNAME"] = command.identity->user;
    command.environment["HOME"] = command.identity->home;
}

}  // namespace

proc::Command base_command(const config::Handler& handler) {
    proc::Command command;
    command.program = handler.program;
    command.argv = handler.command;
    command.working_directory = handler.working_directory;
    command.limits = resource_limits(handler.limits);
    if (!handler.limits.open_files) command.soft_descriptor_limit = proc::former_descriptor_limit();
    command.parent_death_signal = handler.stop.signal;
    command.environment = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                           {"PORTIER_HANDLER", handler.name}};
    for (const char* inherited : {"PATH", "LANG", "TZ"})
        if (const char* value = ::getenv(inherited)) command.environment[inherited] = value;
    add_identity(command, handler);
    return command;
}

void add_configured_environment(proc::Command& command, const config::Handler& handler) {
    for (const auto& [name, value] : handler.env) command.environment[name] = value;
}

}  // namespace portier::keeper
