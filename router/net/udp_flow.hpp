// The socket of a UDP flow: bound to the very address and port that a client asked, beside the shared socket of the
// port (SO_REUSEPORT, socket(7): both must have the same effective user), and connected to that client. From then on
// the kernel gives it what this client sends. Between bind and connect it also gets what other clients send: whoever
// makes such a socket has to sort that out. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <system_error>

#include "base/fd.hpp"
#include "net/endpoint.hpp"

namespace portier::net {

struct FlowEndpoints {
    Endpoint remote;
    Endpoint local;

    bool operator==(const FlowEndpoints&) const = default;
    auto operator<=>(const FlowEndpoints&) const = default;
};

// A client that no socket can be connected to: port 0 or no address. (The kernel takes such a connect(2) for none.)
bool can_be_connected(const Endpoint& remote);

// `interface`: of link-local addresses only. Non-blocking, CLOEXEC. Empty on failure, with the reason in `error`.
Fd bind_flow_socket(const Endpoint& local, std::uint32_t interface, std::error_code& error);
std::error_code connect_flow_socket(int socket, const Endpoint& remote, std::uint32_t interface);

// Whether the socket with this cookie is still open and connected so: one question to the kernel, some 30 us.
bool is_open_flow(std::uint64_t cookie, const FlowEndpoints& flow);

}  // namespace portier::net
