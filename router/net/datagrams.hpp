// Datagrams in batches, each with the address of ours that it came to or leaves from (ip(7), IP_PKTINFO; ipv6(7),
// IPV6_PKTINFO), so that a reply leaves from the address that was asked, on wildcard and dual-stack sockets too. The
// buffers belong to the reader and are used again: nothing is allocated for a datagram. One thread uses one object.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>

#include "base/fd.hpp"
#include "net/endpoint.hpp"

namespace portier::net {

struct Datagram {
    Endpoint peer;                // who sent it, or who gets it
    Address local;                // where it came to, or leaves from; all zero: the kernel's choice
    std::uint32_t interface = 0;  // of link-local addresses only: they mean nothing without it
    std::span<const std::byte> bytes;
    std::uint64_t arrived_ns = 0;  // when the kernel took it in, since 1970; 0: not told
};

inline constexpr std::size_t kDatagramBatch = 64;
// UDP's length field leaves no room for more, with IPv4 for 20 bytes less.
inline constexpr std::size_t kMaxDatagram = 65'527;

// From now on what is read from this socket has its local address. The flag belongs to the socket, not to who holds it.
std::error_code tell_local_addresses(int socket);
// The same for when it arrived. The kernel notes that before it chooses a socket, so it puts what has come to several
// sockets into order. It notes it as long as anybody asks, and begins a little later than the first one has asked; what
// came before is not given the time of reading, as with SO_TIMESTAMP (Documentation/networking/timestamping).
std::error_code tell_arrival_times(int socket, bool on = true);

// A socket for datagrams to backends in 127.0.0.0/8: each can leave from an address of its own in that network, and the
// answer comes back to it. Bound to every address but to the loopback interface only, so nothing else reaches it; what
// was refused waits in its error queue. Non-blocking, CLOEXEC. Throws std::system_error.
Fd open_loopback_socket();

// The receive queue as large as the kernel allows, 4 MiB at most: with privileges more than net.core.rmem_max.
void widen_receive_queue(int socket);

// How many datagrams have found this socket's queue full, ever (socket(7), SO_MEMINFO).
std::uint32_t dropped_datagrams(int socket);

// Reads one entry of a socket's error queue (IP_RECVERR): why a datagram came back, to whom it went, and from which
// address of ours it had left. EAGAIN: the queue is empty.
struct Refusal {
    std::error_code error;
    std::error_code reason;
    Endpoint peer;
    Address local;
};
Refusal read_refusal(int socket);

class DatagramReader {
public:
    DatagramReader();

    // Reads what is there, as much as has room beside what was read before. Errors: EAGAIN, or one that an earlier
    // datagram has left to this socket (ECONNREFUSED on a connected one).
    std::error_code read(int socket);
    std::span<const Datagram> datagrams() const { return std::span(datagrams_).first(count_); }
    bool full() const { return count_ == kDatagramBatch; }
    // How many of the last read() were longer than any datagram may be, and are left out.
    std::size_t truncated() const { return truncated_; }
    void clear() { count_ = 0; }

private:
    struct Slot {
        sockaddr_storage peer;
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo)) +
                                                   CMSG_SPACE(3 * sizeof(timespec))> control;
        iovec bytes;
    };

    std::unique_ptr<std::byte[]> buffers_;
    std::array<mmsghdr, kDatagramBatch> messages_{};
    std::array<Slot, kDatagramBatch> slots_{};
    std::array<Datagram, kDatagramBatch> datagrams_;
    std::size_t count_ = 0;
    std::size_t truncated_ = 0;
};

class DatagramWriter {
public:
    static constexpr std::size_t kMaxPrefix = 256;

    DatagramWriter();

    bool empty() const { return count_ == 0; }
    std::size_t size() const { return count_; }
    bool full() const { return count_ == kDatagramBatch; }
    // Precondition: !full(). The datagram's bytes stay where they are until send(); `prefix` (at most kMaxPrefix bytes)
    // goes before them and is copied.
    void add(const Datagram& datagram, std::span<const std::byte> prefix = {});

    // Sends all without waiting, and is empty again. An error that an earlier datagram has left to the socket costs
    // none of these. Returns how many could not be sent.
    std::size_t send(int socket);

private:
    struct Slot {
        sockaddr_storage peer;
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> control;
        std::array<iovec, 2> bytes;
        std::array<std::byte, kMaxPrefix> prefix;
    };

    std::array<mmsghdr, kDatagramBatch> messages_{};
    std::unique_ptr<std::array<Slot, kDatagramBatch>> slots_;
    std::size_t count_ = 0;
};

}  // namespace portier::net
