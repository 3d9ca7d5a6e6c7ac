#include "delivery/spawn/request.hpp"

#include <sys/socket.h>

#include <cstring>
#include <type_traits>

#include "net/socket.hpp"

namespace portier::delivery {

namespace {

static_assert(std::is_trivially_copyable_v<SpawnRequest>);

bool is_endpoint(const net::Endpoint& endpoint) {
    return endpoint.address.family == 4 || endpoint.address.family == 6;
}

bool is_tcp_connection(int fd) {
    int protocol = 0, listens = 1;
    socklen_t size = sizeof protocol;
    if (::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0 || protocol != IPPROTO_TCP) return false;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && !listens;
}

}  // namespace

std::optional<SpawnRequest> decode_spawn(std::span<const std::byte> bytes, int connection) {
    SpawnRequest request;
    if (bytes.size() != sizeof request) return std::nullopt;
    std::memcpy(&request, bytes.data(), sizeof request);
    if (!is_endpoint(request.local) || !is_endpoint(request.remote)) return std::nullopt;
    if (connection < 0) return request;
    if (!is_tcp_connection(connection) || net::socket_cookie(connection) != request.cookie) return std::nullopt;
    return request;
}

}  // namespace portier::delivery
