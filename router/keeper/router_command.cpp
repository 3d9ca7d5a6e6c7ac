#include "keeper/router_command.hpp"

#include <linux/capability.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.hpp"

namespace portier::keeper {

proc::Command router_command(const RouterSetup& setup) {
    proc::Command command;
    command.program = "/proc/self/exe";
    command.executable = setup.executable;
    command.argv = {"portier", "router", "--log-level", setup.log_level};
    if (setup.json_log) command.argv.push_back("--log-json");
    for (const char* inherited :
         {"PATH", "LANG", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
        if (const char* value = ::getenv(inherited)) command.environment[inherited] = value;
    command.working_directory = "/";
    command.parent_death_signal = SIGKILL;
    command.descriptors = {{STDERR_FILENO, STDERR_FILENO}, {3, setup.link}, {4, setup.board}};
    command.drop_capabilities = true;  // also those that somebody else than root was given
    if (setup.transparent) command.kept_capability = CAP_NET_ADMIN;  // ip(7), IP_TRANSPARENT
    if (setup.user.empty()) return command;
    command.identity = proc::find_identity(setup.user, "");
    if (!command.identity) throw_errno("router: no user " + setup.user, EINVAL);
    command.identity->groups.clear();
    return command;
}

}  // namespace portier::keeper
