// What a program of delivery `spawn` finds when it is started for a connection, in each of the styles that such
// programs expect: inetd, UCSPI, and systemd's Accept=yes. Pure.
#pragma once

#include <cstdint>

#include "config/config.hpp"
#include "net/endpoint.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

struct ConnectionToServe {
    int socket;
    int log;  // for what the program has to say to us
    net::Endpoint local, remote;
    std::uint64_t from_this_address;  // connections being served, this one included
};

// Adds descriptors and environment. Not for inetd-wait, whose programs accept for themselves.
void add_connection(proc::Command& command, config::Style style, const ConnectionToServe& connection);

}  // namespace portier::keeper
