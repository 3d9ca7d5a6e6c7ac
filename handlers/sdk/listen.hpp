// Sockets that were there when this process began: the inherit contract, exactly as sd_listen_fds_with_names(3).
// Call once at start, before other threads exist.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"

namespace portier::sdk {

struct Inherited {
    Fd socket;
    std::string name;       // from portier: the port's key in the configuration, ':' replaced by '_'
    bool datagram = false;  // UDP; otherwise a TCP listener
};

// Takes over the passed sockets, sets CLOEXEC on them and removes the LISTEN_ variables, so that children are not
// misled. Empty when nothing was passed to this very process. Throws std::system_error or std::runtime_error when what
// the variables announce is not there.
std::vector<Inherited> inherited_sockets();

}  // namespace portier::sdk
