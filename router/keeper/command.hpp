// What every program of a handler is started with, whatever the delivery. Keeper's thread only (getpwnam(3)).
#pragma once

#include "config/config.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

// Program, arguments, folder, limits, identity and environment, yet without the handler's `env`. Throws
// std::system_error if its user or group is gone.
proc::Command base_command(const config::Handler& handler);

// Last: what the configuration says wins.
void add_configured_environment(proc::Command& command, const config::Handler& handler);

}  // namespace portier::keeper
