// The client's side of a UDP flow over loopback: connected, and datagrams as text.
#pragma once

#include <fcntl.h>

#include <optional>
#include <string>

#include "support/tcp.hpp"

namespace portier::test {

// Connected, so it hears only the endpoint that it asks.
inline Fd udp_client(const net::Endpoint& remote) {
    Fd fd(::socket(remote.address.family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const socklen_t length = net::to_sockaddr(remote, address);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length) < 0) throw_errno("connect");
    return fd;
}

inline void send_text(const Fd& socket, const std::string& text) {
    if (::send(socket.get(), text.data(), text.size(), 0) < 0) throw_errno("send");
}

// nullopt: nothing waits. On loopback a datagram is there when send(2) has returned.
inline std::optional<std::string> receive_text(const Fd& socket) {
    std::string text(65536, '\0');
    const ssize_t size = ::recv(socket.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (size < 0) return std::nullopt;
    text.resize(static_cast<std::size_t>(size));
    return text;
}

}  // namespace portier::test
