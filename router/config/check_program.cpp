#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include "config/checks.hpp"
#include "config/program.hpp"

namespace portier::config {

namespace {

std::vector<gid_t> own_groups() {
    std::vector<gid_t> groups(65536);  // NGROUPS_MAX
    groups.resize(static_cast<std::size_t>(std::max(::getgroups(static_cast<int>(groups.size()), groups.data()), 0)));
    return groups;
}

// Portier's own groups may be others than those of its user: a service manager sets them.
Identity own_identity(const Host& host) {
    const passwd* user = ::getpwuid(host.user);
    return {.name = user == nullptr ? std::to_string(host.user) : user->pw_name,
            .user = host.user,
            .group = ::getegid(),
            .groups = own_groups()};
}

// The handler's user, or portier's own.
Identity identity_of(const Handler& handler, const Host& host) {
    const passwd* user = handler.user.empty() ? nullptr : ::getpwnam(handler.user.c_str());
    Identity who = own_identity(host);
    if (user != nullptr) {
        who.name = user->pw_name;
        who.user = user->pw_uid;
        who.group = user->pw_gid;
        int count = 256;
        who.groups.resize(256);
        ::getgrouplist(user->pw_name, user->pw_gid, who.groups.data(), &count);
        who.groups.resize(static_cast<std::size_t>(std::min(std::max(count, 0), 256)));
    }
    if (const group* other = handler.group.empty() ? nullptr : ::getgrnam(handler.group.c_str()))
        who.group = other->gr_gid;
    return who;
}

// Where an interpreter is looked up by the process itself.
std::string path_of_process(const Handler& handler, const std::string& path) {
    const auto own = handler.env.find("PATH");
    return own == handler.env.end() ? path : own->second;
}

struct Named {
    const HandlerDraft& draft;
    const std::string& program;  // as written
    const char* key;             // where
    Place at;
};

// The other programs of a configuration often lie in its folder: one that is meant but not looked at there.
void warn_about_namesake(const Named& named, const Scene& scene) {
    const std::string& found = named.draft.object.program;
    const auto path = std::filesystem::path(scene.config.folder) / named.program;
    std::error_code error;
    const bool program = std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
    if (!program || std::filesystem::equivalent(path, found, error)) return;
    scene.diagnostics.add({.severity = Severity::warning,
                           .at = named.at,
                           .key_path = named.draft.path + '.' + named.key,
                           .message = fmt::format("{} is {}, found in PATH, and not the one in {}",
                                                  in_quotes(named.program), found, scene.config.folder),
                           .hint = fmt::format("write {0} or ./{1}", found, named.program)});
}

}  // namespace

void check_program(HandlerDraft& draft, const Scene& scene) {
    Handler& handler = draft.object;
    const auto command = written(handler_table(), draft, "command");
    if (handler.command.empty() || !command->good) return;
    const auto program = written(handler_table(), draft, "program");
    const auto& [key, place] = program ? std::pair("program", *program) : std::pair("command", *command);
    const auto report = [&, key = key, place = place](std::string message, std::string hint) {
        scene.diagnostics.add({.at = place.value,
                               .key_path = draft.path + '.' + key,
                               .message = std::move(message),
                               .hint = std::move(hint)});
    };
    const std::string name = handler.program.empty() ? handler.command.front() : handler.program;
    const std::string path = scene.host.variable("PATH").value_or("");
    if (name.empty()) return report("the program is empty", "the list begins with the program");
    if (name.find('/') == std::string::npos) {
        const auto found = find_program(name, path);
        if (!found)
            return report(fmt::format("the program {} is in no folder of PATH", in_quotes(name)), "PATH is " + path);
        handler.program = *found;
        warn_about_namesake({draft, name, key, place.value}, scene);
    } else {
        handler.program = (std::filesystem::path(scene.config.folder) / name).lexically_normal().string();
    }
    if (auto problem =
            inspect_program(handler.program, identity_of(handler, scene.host), path_of_process(handler, path)))
        report(std::move(problem->message), std::move(problem->hint));
}

}  // namespace portier::config
