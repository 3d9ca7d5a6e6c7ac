// Ports of 127.0.0.1 that nobody uses, for code that wants to open them itself.
#pragma once

#include <sys/socket.h>

#include "support/tcp.hpp"

namespace portier::test {

inline bool is_free(std::uint16_t port) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const Fd probe(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
        sockaddr_storage address;
        const socklen_t length = net::to_sockaddr({kLoopback, port}, address);
        if (::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), length) < 0) return false;
    }
    return true;
}

// The first of `count` free ones in a row, TCP and UDP.
inline std::uint16_t free_ports(unsigned count = 1) {
    for (;;) {
        const std::uint16_t first = port_of(listen_somewhere());
        if (first + count > 65535) continue;
        unsigned free = 0;
        while (free < count && is_free(static_cast<std::uint16_t>(first + free))) ++free;
        if (free == count) return first;
    }
}

}  // namespace portier::test
