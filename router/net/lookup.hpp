// Names to addresses, by the system's resolver. Blocks, so it is for the helper process that the keeper starts for it
// (main/lookup_role). Any thread.
#pragma once

#include <string>
#include <vector>

#include "net/endpoint.hpp"

namespace portier::net {

struct Lookup {
    std::vector<Address> addresses;  // sorted, each once; empty: see `problem`
    std::string problem;             // gai_strerror(3)
};

// May read files and ask name servers, for many seconds (getaddrinfo(3), resolv.conf(5)).
Lookup look_up(const std::string& name);

}  // namespace portier::net
