// The socket of a single flow, connected to its backend: for backends that cannot tell flows apart by our address
// (delivery/udp/flow_book). Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <system_error>

#include "base/fd.hpp"
#include "net/endpoint.hpp"

namespace portier::delivery {

struct BackendSocketPlan {
    net::Endpoint backend;
    net::Address source;     // ours; all zero: the kernel's choice
    std::uint16_t port = 0;  // ours; 0: the kernel's choice
};

struct BackendSocket {
    std::error_code error;  // EMFILE also when only the last quarter of the descriptors is left: others need some, too
    Fd socket;
    std::uint16_t port = 0;
};
BackendSocket open_backend_socket(const BackendSocketPlan& plan);

// Sends `prefix` and `bytes` as one datagram without waiting. The error that an earlier datagram has left to the socket
// does not cost this one.
struct BackendSocketSend {
    bool sent = false;
    std::error_code error;  // of an earlier datagram, or of this one
};
BackendSocketSend send_by_backend_socket(int socket, std::span<const std::byte> prefix,
                                         std::span<const std::byte> bytes);

}  // namespace portier::delivery
