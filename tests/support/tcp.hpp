// Real TCP connections over loopback, blocking, as clients and handlers make them.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "net/socket.hpp"

namespace portier::test {

inline const net::Address kLoopback{4, {127, 0, 0, 1}};

// A listener on a free port of 127.0.0.1.
inline Fd listen_somewhere(unsigned backlog = 128, const net::TcpTuning& tuning = {}) {
    return net::open_tcp_listener({kLoopback, 0}, tuning, backlog);
}

inline std::uint16_t port_of(const Fd& socket) {
    return net::local_endpoint(socket.get()).port;
}

// Throws std::system_error. `from`: the client's own address, when it matters.
inline Fd connect_to(const net::Endpoint& remote, const net::Endpoint& from = {}) {
    const int family = remote.address.family == 4 ? AF_INET : AF_INET6;
    Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    if (from != net::Endpoint{}) {
        const socklen_t length = net::to_sockaddr(from, address);
        if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) < 0) throw_errno("bind");
    }
    const socklen_t length = net::to_sockaddr(remote, address);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length) < 0) throw_errno("connect");
    return fd;
}

inline Fd connect_to(std::uint16_t port) {
    return connect_to(net::Endpoint{kLoopback, port});
}

inline Fd accept_from(const Fd& listener) {
    return Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

struct Pair {
    Fd client;
    Fd accepted;
};

inline Pair make_pair(const Fd& listener) {
    Fd client = connect_to(net::local_endpoint(listener.get()));
    return {std::move(client), accept_from(listener)};
}

// A connection whose last close(2) would wait so long, because its client does not read.
inline Pair make_lingering_pair(const Fd& listener, int seconds) {
    Pair pair = make_pair(listener);
    const std::string much(1 << 20, 'x');
    while (::send(pair.accepted.get(), much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    const linger value{1, seconds};
    if (::setsockopt(pair.accepted.get(), SOL_SOCKET, SO_LINGER, &value, sizeof value) < 0) throw_errno("SO_LINGER");
    return pair;
}

inline void send_all(const Fd& socket, const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t size = ::send(socket.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (size < 0) throw_errno("send");
        sent += static_cast<std::size_t>(size);
    }
}

// Until the other side has said goodbye (or has reset the connection).
inline std::string receive_all(const Fd& socket) {
    std::string result;
    char buffer[65536];
    for (ssize_t size; (size = ::recv(socket.get(), buffer, sizeof buffer, 0)) > 0;)
        result.append(buffer, static_cast<std::size_t>(size));
    return result;
}

inline std::string receive_exactly(const Fd& socket, std::size_t size) {
    std::string result(size, '\0');
    const ssize_t got = ::recv(socket.get(), result.data(), size, MSG_WAITALL);
    result.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return result;
}

// Moves so many bytes from one end to the other, in pieces that fit every buffer.
inline bool transfer(const Fd& from, const Fd& to, std::size_t size) {
    for (std::size_t piece; size > 0; size -= piece) {
        piece = size < 8192 ? size : 8192;
        send_all(from, std::string(piece, 'x'));
        if (receive_exactly(to, piece).size() != piece) return false;
    }
    return true;
}

// close(2) that resets.
inline void reset(Fd& socket) {
    const linger at_once{1, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket.reset();
}

inline bool is_readable(const Fd& socket) {
    pollfd wanted{socket.get(), POLLIN, 0};
    return ::poll(&wanted, 1, 0) == 1;
}

}  // namespace portier::test
