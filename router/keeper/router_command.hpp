// What a router is started with: this program in its role `router`, as nobody who may do anything. Keeper's thread only
// (getpwnam(3)).
#pragma once

#include <string>

#include "proc/spawn.hpp"

namespace portier::keeper {

struct RouterSetup {
    int executable;  // open as long as the command is used, like the next two
    int link;
    int board;
    std::string user;  // empty: as the keeper
    std::string log_level;
    bool json_log = false;
    bool transparent = false;  // it may use its clients' addresses
};

// Throws std::system_error if the user is gone.
proc::Command router_command(const RouterSetup& setup);

}  // namespace portier::keeper
