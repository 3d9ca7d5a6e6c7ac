#include "keeper/waiting.hpp"

#include <sys/socket.h>

#include <array>
#include <functional>
#include <string_view>

#include "net/sock_diag.hpp"
#include "net/socket.hpp"

namespace portier::keeper {

namespace {

std::set<std::uint64_t> first_datagram(int socket) {
    std::array<char, 512> bytes;
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const ssize_t size = ::recvfrom(socket, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT,
                                    reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) return {};
    const std::hash<std::string_view> hash;
    return {hash({bytes.data(), static_cast<std::size_t>(size)}) ^
            (hash({reinterpret_cast<const char*>(&from), length}) << 1)};
}

}  // namespace

std::set<std::uint64_t> waiting_at(int socket) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0) return {};
    if (!listens) return first_datagram(socket);
    std::set<std::uint64_t> waiting;
    if (net::accept_queue_length(socket) == 0) return waiting;
    const net::PortInterval port{net::local_endpoint(socket).port, net::local_endpoint(socket).port};
    net::dump_sockets(net::DumpWhat::connections, {&port, 1}, [&](const net::SocketReport& report) {
        if (report.inode == 0 && !report.closing) waiting.insert(report.cookie);
    });
    return waiting;
}

}  // namespace portier::keeper
