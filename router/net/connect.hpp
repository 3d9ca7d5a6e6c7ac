// Begins outgoing connections without waiting for them: TCP or Unix, from a certain address if wanted. Any thread.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <system_error>

#include "base/fd.hpp"
#include "net/endpoint.hpp"

namespace portier::net {

// Where to connect.
struct Destination {
    sockaddr_storage address{};
    socklen_t length = 0;
};
Destination destination(const Endpoint& endpoint);
// A path of a Unix socket that is too long for the kernel (107 bytes) is cut: whoever configures it checks that.
Destination destination(const std::string& path);

struct Connecting {
    Fd socket;              // non-blocking; empty after an error
    std::error_code error;  // what was known at once
    bool done = false;      // connected already; otherwise it will become writable, and connect_result() tells
};
// The local end: the kernel chooses the port for this destination (IP_BIND_ADDRESS_NO_PORT), unless there is one.
struct Source {
    Endpoint endpoint;
    bool foreign = false;  // not an address of this machine: IP_TRANSPARENT (ip(7)), which needs CAP_NET_ADMIN
};
// EAGAIN: a Unix listener's queue is full. ECONNREFUSED: also when only the socket itself has answered. A source is for
// TCP only.
Connecting begin_connect(const Destination& to, const std::optional<Source>& from = std::nullopt);

// Once the socket is writable: 0 or an errno.
int connect_result(int socket);

// Whether it is no fault of the other side but a lack of ours, or a Unix listener's full queue: worth trying again
// soon.
bool is_shortage(int error);

// Whether the source cannot be used: no address of ours, of another family, or the capability is missing.
bool is_wrong_source(int error);

}  // namespace portier::net
