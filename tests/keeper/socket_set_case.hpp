// The configuration of the tests of socket sets. One thread.
#pragma once

#include <fcntl.h>

#include "keeper/socket_set.hpp"
#include "keeper/stage.hpp"

namespace portier::keeper {

using config::Protocol;

// Two handlers: "router" gets its connections from the router, "self" accepts for itself in three processes.
inline config::Config with_ports(std::vector<config::Port> ports) {
    config::Config config;
    config.handlers = {shell_handler("router", kStays), shell_handler("self", kStays)};
    config.handlers[0].delivery = config::Delivery::handoff;
    config.handlers[1].processes = 3;
    config.ports = std::move(ports);
    return config;
}

inline bool is_blocking(const std::shared_ptr<OpenSocket>& socket) {
    return (::fcntl(socket->fd.get(), F_GETFL) & O_NONBLOCK) == 0;
}

}  // namespace portier::keeper
