// Real UDP sockets over loopback, non-blocking, as clients and backends have them.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "net/endpoint.hpp"
#include "net/socket.hpp"

namespace portier::test {

struct Letter {
    std::string bytes;
    net::Endpoint from;
};

class UdpSocket {
public:
    // Bound to this address and a free port.
    explicit UdpSocket(const std::string& address = "127.0.0.1", std::uint16_t port = 0) {
        const net::Address own = *net::parse_address(address);
        fd = Fd(::socket(own.family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_storage storage;
        const socklen_t length = net::to_sockaddr({own, port}, storage);
        if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) < 0) throw_errno("bind " + address);
    }

    net::Endpoint endpoint() const { return net::local_endpoint(fd.get()); }

    bool send(const std::string& bytes, const net::Endpoint& to) const {
        sockaddr_storage storage;
        const socklen_t length = net::to_sockaddr(to, storage);
        const auto* address = reinterpret_cast<sockaddr*>(&storage);
        return ::sendto(fd.get(), bytes.data(), bytes.size(), 0, address, length) == static_cast<ssize_t>(bytes.size());
    }

    // What is there now.
    std::optional<Letter> receive() const {
        std::string bytes(65536, '\0');
        sockaddr_storage storage{};
        socklen_t length = sizeof storage;
        const ssize_t size =
            ::recvfrom(fd.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&storage), &length);
        if (size < 0) return std::nullopt;
        bytes.resize(static_cast<std::size_t>(size));
        return Letter{std::move(bytes), net::from_sockaddr(storage)};
    }

    // Sends back what is there now, behind `prefix`.
    int echo(const std::string& prefix = "") const {
        int count = 0;
        while (const auto letter = receive()) count += send(prefix + letter->bytes, letter->from);
        return count;
    }

    Fd fd;
};

}  // namespace portier::test
