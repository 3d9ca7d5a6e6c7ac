// Users, groups, folders, limits and times of a handler.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/error.hpp"
#include "config/checks.hpp"
#include "config/units.hpp"

namespace portier::config {

namespace {

// As keeper/spawn_command sets them.
std::vector<std::string_view> variables_of(Style style) {
    switch (style) {
        case Style::inetd: return {"REMOTE_HOST"};
        case Style::ucspi: return {"PROTO", "TCPLOCALIP", "TCPLOCALPORT", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPCONNNUM"};
        case Style::systemd: return {"REMOTE_ADDR", "REMOTE_PORT"};
        case Style::inetd_wait: return {};
    }
    return {};
}

class HandlerCheck {
public:
    HandlerCheck(HandlerDraft& draft, const Scene& scene) : draft_(draft), handler_(draft.object), scene_(scene) {}

    void run() {
        check_command();
        check_times();
        const bool has_processes = handler_.delivery != Delivery::relay || !handler_.command.empty();
        if (has_processes) check_processes();
    }

private:
    void check_processes() {
        check_env();
        check_user();
        check_group();
        check_working_directory();
        check_limits();
    }

    void report(const char* key, std::string message, std::string hint = {}) {
        const auto place = written(handler_table(), draft_, key);
        scene_.diagnostics.add({.at = place ? place->value : draft_.key,
                                .key_path = draft_.path + '.' + key,
                                .message = std::move(message),
                                .hint = std::move(hint)});
    }

    void check_command() {
        if (!has_delivery(draft_) || written(handler_table(), draft_, "command")) return;
        if (handler_.delivery == Delivery::relay) return;
        report("command", "no command is given",
               fmt::format("delivery {} needs one: command: [program, argument]", to_string(handler_.delivery)));
    }

    // What portier tells a process about its connection: env would be the same for each.
    void check_env() {
        if (!has_delivery(draft_) || handler_.delivery != Delivery::spawn) return;
        for (const std::string_view name : variables_of(handler_.style))
            if (handler_.env.contains(std::string(name)))
                report("env",
                       fmt::format("{} is what style {} says of each connection", name, to_string(handler_.style)),
                       "leave it out, or call it otherwise");
    }

    void check_user() {
        if (handler_.user.empty()) return;
        const passwd* user = ::getpwnam(handler_.user.c_str());
        if (user == nullptr) return report("user", fmt::format("there is no user {}", in_quotes(handler_.user)));
        if (user->pw_uid == scene_.host.user || scene_.host.can_change_user) return;
        report("user",
               fmt::format("to run as {} portier needs root (CAP_SETUID and CAP_SETGID)", in_quotes(handler_.user)),
               fmt::format("it runs as user id {}", scene_.host.user));
    }

    void check_group() {
        if (handler_.group.empty()) return;
        if (::getgrnam(handler_.group.c_str()) == nullptr)
            return report("group", fmt::format("there is no group {}", in_quotes(handler_.group)));
        if (scene_.host.can_change_user) return;
        report("group", fmt::format("for group {} portier needs root (CAP_SETGID)", in_quotes(handler_.group)),
               fmt::format("it runs as user id {}", scene_.host.user));
    }

    void check_working_directory() {
        if (handler_.working_directory.empty()) {
            handler_.working_directory = scene_.config.folder;
            return;
        }
        const auto path = std::filesystem::path(scene_.config.folder) / handler_.working_directory;
        handler_.working_directory = path.lexically_normal().string();
        if (handler_.working_directory.size() > 1 && handler_.working_directory.ends_with('/'))
            handler_.working_directory.pop_back();
        struct stat found {};
        if (::stat(path.c_str(), &found) != 0)
            return report("working_directory",
                          fmt::format("{}: {}", handler_.working_directory, errno_code().message()));
        if (!S_ISDIR(found.st_mode)) report("working_directory", handler_.working_directory + " is not a folder");
    }

    void check_limits() {
        const Limits& limits = handler_.limits;
        const auto cpu = limits.cpu ? std::optional<std::uint64_t>(limits.cpu->count() / 1000) : std::nullopt;
        check_open_files();
        check_limit("limits.open_files", RLIMIT_NOFILE, limits.open_files);
        check_limit("limits.memory", RLIMIT_AS, limits.memory);
        check_limit("limits.processes", RLIMIT_NPROC, limits.processes);
        check_limit("limits.core", RLIMIT_CORE, limits.core);
        check_limit("limits.cpu", RLIMIT_CPU, cpu);
    }

    // Nobody has more, with whatever capability (setrlimit(2): EPERM).
    void check_open_files() {
        const auto& value = handler_.limits.open_files;
        if (!value || *value <= scene_.host.most_open_files) return;
        report("limits.open_files",
               fmt::format("{} is more than the kernel gives a process, {}", *value, scene_.host.most_open_files),
               "fs.nr_open says how many");
    }

    void check_limit(const char* key, int resource, const std::optional<std::uint64_t>& value) {
        if (!value || scene_.host.can_raise_limits) return;
        const std::uint64_t hard = scene_.host.hard_limit(resource);
        if (hard == RLIM_INFINITY || *value <= hard) return;
        report(key, fmt::format("{} is above the hard limit {} that portier itself has", *value, hard),
               "raise that (ulimit -H, LimitNOFILE= and the like) or give portier CAP_SYS_RESOURCE");
    }

    void check_times() {
        const auto text = [](Milliseconds time) { return format_duration(static_cast<std::uint64_t>(time.count())); };
        if (handler_.restart.first > handler_.restart.max) {
            report(written(handler_table(), draft_, "restart.first") ? "restart.first" : "restart.max",
                   fmt::format("the first pause {} is longer than the longest one {}", text(handler_.restart.first),
                               text(handler_.restart.max)));
        }
        const bool can_be_idle = handler_.delivery == Delivery::handoff || handler_.delivery == Delivery::inherit;
        if (can_be_idle && handler_.stop_when_idle.count() > 0 && handler_.start != Start::on_demand)
            report("stop_when_idle", "only processes that start on demand can stop when idle", "add start: on_demand");
    }

    HandlerDraft& draft_;
    Handler& handler_;
    const Scene& scene_;
};

}  // namespace

void check_handler(HandlerDraft& draft, const Scene& scene) {
    if (!draft.written.empty()) HandlerCheck(draft, scene).run();
}

void check_stop_when_idle(Drafts& drafts, const Scene& scene) {
    for (HandlerDraft& draft : drafts.handlers) {
        Handler& handler = draft.object;
        const auto udp = std::find_if(drafts.ports.begin(), drafts.ports.end(), [&](const PortDraft& port) {
            return port.object.handler == handler.name && port.object.protocol == Protocol::udp;
        });
        const auto place = written(handler_table(), draft, "stop_when_idle");
        if (!place || handler.stop_when_idle.count() == 0 || udp == drafts.ports.end()) continue;
        if (!place->own) {
            handler.stop_when_idle = Handler{}.stop_when_idle;
            continue;
        }
        scene.diagnostics.add({.at = place->value,
                               .key_path = draft.path + ".stop_when_idle",
                               .message = fmt::format("only connections are counted, and {} has none", udp->object.key),
                               .hint = "leave it out, or give the udp port a handler of its own"});
    }
}

}  // namespace portier::config
