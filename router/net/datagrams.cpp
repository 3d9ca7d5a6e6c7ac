#include "net/datagrams.hpp"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>

#include <cstring>

#include "base/error.hpp"
#include "net/socket.hpp"

namespace portier::net {

namespace {

// 64 KiB and a little: buffers exactly a power of two apart would fight for the same few lines of the CPU's caches.
constexpr std::size_t kBufferSpacing = 65'536 + 192;
static_assert(kBufferSpacing > kMaxDatagram);
constexpr int kReceiveQueue = 4 << 20;  // bytes

bool is_link_local(const Address& address) {
    return address.family == 6 && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

void read_control(msghdr& message, Datagram& datagram) {
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        sockaddr_storage storage{};
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(item), sizeof info);
            sockaddr_in local{};
            local.sin_family = AF_INET;
            // Of a broadcast the one that may answer; in an error queue it is not told.
            local.sin_addr = info.ipi_spec_dst.s_addr ? info.ipi_spec_dst : info.ipi_addr;
            std::memcpy(&storage, &local, sizeof local);
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(item), sizeof info);
            sockaddr_in6 local{};
            local.sin6_family = AF_INET6;
            local.sin6_addr = info.ipi6_addr;
            std::memcpy(&storage, &local, sizeof local);
            if (is_link_local(datagram.peer.address)) datagram.interface = info.ipi6_ifindex;
        } else if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_TIMESTAMPING) {
            scm_timestamping times;
            std::memcpy(&times, CMSG_DATA(item), sizeof times);
            const timespec& time = times.ts[0];  // the kernel's
            datagram.arrived_ns =
                static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
            continue;
        } else {
            continue;
        }
        datagram.local = from_sockaddr(storage).address;
    }
}

std::error_code read_reason(msghdr& message) {
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level != IPPROTO_IP || item->cmsg_type != IP_RECVERR) continue;
        sock_extended_err error;
        std::memcpy(&error, CMSG_DATA(item), sizeof error);
        return errno_code(static_cast<int>(error.ee_errno));
    }
    return {};
}

template <typename Info>
void set_control(msghdr& message, int type, const Info& info) {
    // Not CMSG_SPACE: with the padding of the IPv6 one the kernel would have to allocate memory for it.
    message.msg_controllen = CMSG_LEN(sizeof info);
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = std::is_same_v<Info, in_pktinfo> ? int{IPPROTO_IP} : int{IPPROTO_IPV6};
    item->cmsg_type = type;
    item->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(item), &info, sizeof info);
}

// An IPv6 socket takes both kinds, for IPv4 peers too.
void write_packet_info(msghdr& message, const Datagram& datagram) {
    if (datagram.local == Address{datagram.local.family, {}}) {
        message.msg_controllen = 0;
    } else if (datagram.local.family == 4) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, datagram.local.bytes.data(), 4);
        set_control(message, IP_PKTINFO, info);
    } else {
        in6_pktinfo info{};
        std::memcpy(&info.ipi6_addr, datagram.local.bytes.data(), 16);
        info.ipi6_ifindex = datagram.interface;
        set_control(message, IPV6_PKTINFO, info);
    }
}

}  // namespace

std::error_code tell_local_addresses(int socket) {
    const int on = 1;
    const bool ipv4 = socket_family(socket) == AF_INET;
    const int result = ipv4 ? ::setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on)
                            : ::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    return result < 0 ? errno_code() : std::error_code();
}

std::error_code tell_arrival_times(int socket, bool on) {
    const int value = on ? SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE : 0;
    return ::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPING, &value, sizeof value) < 0 ? errno_code()
                                                                                       : std::error_code();
}

void widen_receive_queue(int socket) {
    if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveQueue, sizeof kReceiveQueue) == 0) return;
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kReceiveQueue, sizeof kReceiveQueue);
}

std::uint32_t dropped_datagrams(int socket) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> numbers{};
    socklen_t size = sizeof numbers;
    ::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, numbers.data(), &size);
    return numbers[SK_MEMINFO_DROPS];
}

Fd open_loopback_socket() {
    Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) throw_errno("socket to local backends");
    const int on = 1;
    constexpr char kLoopback[] = "lo";
    const sockaddr_in anywhere{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {INADDR_ANY}, .sin_zero = {}};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, kLoopback, sizeof kLoopback) < 0 ||
        ::setsockopt(fd.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0 ||
        ::setsockopt(fd.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on) < 0 ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&anywhere), sizeof anywhere) < 0)
        throw_errno("socket to local backends");
    widen_receive_queue(fd.get());
    return fd;
}

Refusal read_refusal(int socket) {
    sockaddr_storage peer{};
    alignas(cmsghdr) std::array<std::byte, 256> control;
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = sizeof peer;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return {errno_code(), {}, {}, {}};
    Datagram datagram;
    read_control(message, datagram);
    return {{}, read_reason(message), from_sockaddr(peer), datagram.local};
}

DatagramReader::DatagramReader() : buffers_(new std::byte[kDatagramBatch * kBufferSpacing]) {
    for (std::size_t i = 0; i < kDatagramBatch; ++i) {
        slots_[i].bytes = {buffers_.get() + i * kBufferSpacing, kMaxDatagram};
        msghdr& message = messages_[i].msg_hdr;
        message.msg_name = &slots_[i].peer;
        message.msg_control = slots_[i].control.data();
        message.msg_iov = &slots_[i].bytes;
        message.msg_iovlen = 1;
    }
}

std::error_code DatagramReader::read(int socket) {
    truncated_ = 0;
    for (std::size_t i = count_; i < kDatagramBatch; ++i) {
        messages_[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
        messages_[i].msg_hdr.msg_controllen = slots_[i].control.size();
    }
    const auto room = static_cast<unsigned>(kDatagramBatch - count_);
    const int received = ::recvmmsg(socket, &messages_[count_], room, MSG_DONTWAIT, nullptr);
    if (received < 0) return errno_code();
    const std::size_t end = count_ + static_cast<std::size_t>(received);
    for (std::size_t i = count_; i < end; ++i) {
        msghdr& message = messages_[i].msg_hdr;
        if (message.msg_flags & MSG_TRUNC) {
            ++truncated_;
            continue;
        }
        std::swap(slots_[i].bytes, slots_[count_].bytes);  // a buffer in use is not read into
        Datagram& datagram = datagrams_[count_];
        datagram = {};
        datagram.peer = from_sockaddr(slots_[i].peer);
        datagram.bytes = {static_cast<const std::byte*>(slots_[count_].bytes.iov_base), messages_[i].msg_len};
        read_control(message, datagram);
        ++count_;
    }
    return {};
}

DatagramWriter::DatagramWriter() : slots_(std::make_unique<std::array<Slot, kDatagramBatch>>()) {
    for (std::size_t i = 0; i < kDatagramBatch; ++i) {
        Slot& slot = (*slots_)[i];
        msghdr& message = messages_[i].msg_hdr;
        message.msg_name = &slot.peer;
        message.msg_control = slot.control.data();
    }
}

void DatagramWriter::add(const Datagram& datagram, std::span<const std::byte> prefix) {
    Slot& slot = (*slots_)[count_];
    msghdr& message = messages_[count_].msg_hdr;
    message.msg_namelen = to_sockaddr(datagram.peer, slot.peer);
    write_packet_info(message, datagram);
    if (!prefix.empty()) std::memcpy(slot.prefix.data(), prefix.data(), prefix.size());
    slot.bytes[0] = {slot.prefix.data(), prefix.size()};
    slot.bytes[1] = {const_cast<std::byte*>(datagram.bytes.data()), datagram.bytes.size()};
    message.msg_iov = prefix.empty() ? &slot.bytes[1] : &slot.bytes[0];
    message.msg_iovlen = prefix.empty() ? 1 : 2;
    ++count_;
}

std::size_t DatagramWriter::send(int socket) {
    std::size_t failed = 0;
    bool again = false;  // this datagram had an error, perhaps another one's
    for (std::size_t done = 0; done < count_;) {
        const auto left = static_cast<unsigned>(count_ - done);
        const int sent = ::sendmmsg(socket, &messages_[done], left, MSG_DONTWAIT);
        if (sent > 0) {
            done += static_cast<std::size_t>(sent);
            again = false;
        } else if (std::exchange(again, !again)) {
            ++done;
            ++failed;
        }
    }
    count_ = 0;
    return failed;
}

}  // namespace portier::net
