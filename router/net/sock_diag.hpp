// What the kernel says of sockets that others hold (sock_diag(7)): a multicast announcement for every destroyed
// socket, and dumps of the living ones. One thread uses one socket. Works without privileges.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <system_error>

#include "base/fd.hpp"
#include "net/endpoint.hpp"
#include "net/port_intervals.hpp"

namespace portier::net {

// One socket of ours, alive (dump) or just destroyed (event).
struct SocketReport {
    std::uint64_t cookie = 0;
    Endpoint local;
    Endpoint remote;
    std::uint32_t inode = 0;               // 0: nobody has it open (not yet accepted, or closed)
    std::uint32_t accept_queue = 0;        // listening sockets: waiting connections
    std::uint32_t accept_queue_limit = 0;  // listening sockets
    std::uint32_t drops = 0;               // UDP: datagrams that found the queue full, since the socket was opened
    bool datagrams = false;                // UDP (event only)
    bool listening = false;
    bool closing = false;  // past the handler's close (FIN_WAIT, LAST_ACK, CLOSING)

    // How the connection ended and what it moved (event only).
    bool has_info = false;
    bool fin_acknowledged = false;  // our side said goodbye and the client heard it
    bool timed_out = false;         // retransmissions or probes went unanswered
    std::uint64_t received = 0;     // bytes_received, may include the client's FIN as one
    std::uint64_t sent = 0;         // data bytes that the client acknowledged
    std::uint32_t unread = 0;       // received but never read by the handler, its FIN as one
    std::uint32_t since_last_ack_ms = 0;
    std::uint32_t segments_in = 0;
};

// Opens a netlink socket for destroy events. `receive_buffer` bytes is a wish; root gets more than net.core.rmem_max.
// Non-blocking, CLOEXEC. Throws std::system_error.
Fd open_destroy_events(int receive_buffer);

// From now on the socket hears the destruction of sockets of this kind. Each kind costs the kernel some work for every
// socket of the host that ends, so only what is needed is joined.
enum class DestroyGroup {
    ipv4,
    ipv6,  // dual-stack listeners too: their connections are IPv6 sockets whoever the client is
    udp_ipv4,
    udp_ipv6,
};
std::error_code join_destroy_events(int netlink, DestroyGroup group);

// Keeps events whose local port is in `intervals` (sorted, merged): decided in the kernel by a classic BPF filter.
// Where the kernel has no room for so many (net.core.optmem_max), events of ports between them come, too; in the end
// all do.
std::error_code filter_destroy_events(int netlink, std::span<const PortInterval> intervals);

// Reads what is waiting, at most `budget` events. ENOBUFS: announcements were lost, a dump is due. EAGAIN: all read.
std::error_code read_destroy_events(int netlink, unsigned budget,
                                    const std::function<void(const SocketReport&)>& visit);

enum class DumpWhat { connections, listeners, udp_sockets };

// Visits every TCP connection, TCP listener or UDP socket whose local port lies in one of the intervals. Blocks for the
// time of the dump (about 2 us a socket), so it stays off the data path.
std::error_code dump_sockets(DumpWhat what, std::span<const PortInterval> intervals,
                             const std::function<void(const SocketReport&)>& visit);
}  // namespace portier::net
