// Opens the sockets that the keeper owns: TCP listeners and bound UDP sockets, every option set before the first
// connection can arrive. Accepted connections inherit TCP options from their listener (tcp(7)), so a connection costs
// no setsockopt of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <system_error>

#include "base/fd.hpp"
#include "net/endpoint.hpp"

namespace portier::net {

struct TcpTuning {
    bool nodelay = true;
    std::optional<std::chrono::milliseconds> keepalive;
    std::optional<std::chrono::milliseconds> user_timeout;
    std::optional<std::chrono::milliseconds> defer_accept;
    unsigned fast_open = 0;
};

// Where a socket is bound. No address: every address, IPv4 and IPv6, by one dual-stack socket (IPv4 only where the
// kernel has no IPv6).
struct Place {
    std::optional<Address> address;
    std::uint16_t port = 0;

    bool operator==(const Place&) const = default;
    auto operator<=>(const Place&) const = default;
};

std::string to_string(const Place& place);  // "*:80", "127.0.0.1:80", "[::1]:80"

// All of these return blocking sockets with CLOEXEC and throw std::system_error that names the place.
Fd open_tcp_listener(const Place& place, const TcpTuning& tuning, unsigned backlog);
// `first`: no other socket may be bound there yet (SO_REUSEPORT would hide another daemon of the same user). `beside`:
// the first one, whose owner it must have to be bound there (see give_socket).
Fd open_udp_socket(const Place& place, bool first, int beside = -1);

// From now on only sockets of this user may be bound beside it with SO_REUSEPORT: the kernel compares the owners of the
// sockets, which fchown(2) changes (sockfs_setattr).
std::error_code give_socket(int fd, uid_t user);

// Applies changed options and backlog to a listener that stays.
void tune_tcp_listener(int listener, const TcpTuning& tuning, unsigned backlog);

// A program that shares a listener or a bound UDP socket may have shut it down or connected it: makes it again what it
// was. nullopt: there was nothing to do; else how that went.
std::optional<std::error_code> repair_socket(int fd, unsigned backlog);

// The inode that stays the same over reload, crash and upgrade.
std::uint64_t socket_inode(int fd);
std::uint64_t socket_cookie(int fd);
Endpoint local_endpoint(int fd);
int socket_family(int fd);  // AF_INET, AF_INET6

// close(2) will reset the connection and wait for nobody: what the peer has not acknowledged is lost.
void reset_on_close(int fd);

// Takes SO_LINGER back: from a listener also for the connections that come later, which inherit it.
void stop_lingering(int fd);

// close(2) waits for the peer of a socket with SO_LINGER, even if it is non-blocking (socket(7)); this does not. For a
// socket that nobody else uses.
void close_at_once(Fd socket);

// Connections that wait to be accepted (tcp(7), TCP_INFO: tcpi_unacked of a listener).
std::size_t accept_queue_length(int listener);

}  // namespace portier::net
