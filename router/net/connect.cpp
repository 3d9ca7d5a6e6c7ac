#include "net/connect.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "net/socket.hpp"

namespace portier::net {

namespace {

std::error_code bind_to(int socket, const Source& from) {
    const int on = 1;
    const bool ipv4 = from.endpoint.address.family == 4;
    if (from.foreign && ::setsockopt(socket, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_TRANSPARENT : IPV6_TRANSPARENT,
                                     &on, sizeof on) < 0)
        return errno_code();
    if (from.endpoint.port == 0) ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_storage address;
    const socklen_t length = to_sockaddr(from.endpoint, address);
    return ::bind(socket, reinterpret_cast<sockaddr*>(&address), length) < 0 ? errno_code() : std::error_code();
}

// The kernel may choose the very port that is asked for, if nobody has it; then the two ends meet in one socket (RFC
// 9293, simultaneous open), which would echo and keep the port from who should be there.
bool is_connected_to_itself(int socket, const Destination& to) {
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &length) < 0) return false;
    const Endpoint here = from_sockaddr(own), there = from_sockaddr(to.address);
    const bool anywhere = there.address == Address{there.address.family, {}};  // means this host (ip(7))
    return here.port == there.port && (anywhere || here.address == there.address);
}

}  // namespace

Destination destination(const Endpoint& endpoint) {
    Destination result;
    result.length = to_sockaddr(endpoint, result.address);
    return result;
}

Destination destination(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
    Destination result;
    std::memcpy(&result.address, &address, sizeof address);
    result.length = sizeof address;
    return result;
}

Connecting begin_connect(const Destination& to, const std::optional<Source>& from) {
    Fd socket(::socket(to.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return {Fd(), errno_code(), false};
    const bool tcp = to.address.ss_family != AF_UNIX;
    const int on = 1;
    if (tcp) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tcp && from)
        if (const auto error = bind_to(socket.get(), *from)) return {Fd(), error, false};
    const bool done = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to.address), to.length) == 0;
    if (!done && errno != EINPROGRESS && errno != EINTR) return {Fd(), errno_code(), false};
    if (tcp && is_connected_to_itself(socket.get(), to)) {
        reset_on_close(socket.get());  // a peaceful end would keep the port in TIME_WAIT
        return {Fd(), errno_code(ECONNREFUSED), false};
    }
    return {std::move(socket), {}, done};
}

int connect_result(int socket) {
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == EAGAIN ||
           error == ENOSPC;
}

bool is_wrong_source(int error) {
    return error == EADDRNOTAVAIL || error == EINVAL || error == EAFNOSUPPORT || error == ENOPROTOOPT || error == EPERM;
}

}  // namespace portier::net
