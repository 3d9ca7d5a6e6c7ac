#include "net/channel.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/error.hpp"

namespace portier::net {

namespace {

// SO_PASSRIGHTS of Linux 6.16, not yet in the C library's headers.
constexpr int kPassRights = 83;

using ControlBuffer = std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors) + CMSG_SPACE(sizeof(ucred))>;

void attach_descriptors(msghdr& header, ControlBuffer& control, std::span<const int> descriptors) {
    if (descriptors.empty()) return;
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(item), descriptors.data(), descriptors.size_bytes());
}

std::optional<Sender> find_sender(msghdr& header) {
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_CREDENTIALS) continue;
        ucred credentials;
        std::memcpy(&credentials, CMSG_DATA(item), sizeof credentials);
        return Sender{credentials.pid, credentials.uid};
    }
    return std::nullopt;
}

std::vector<Fd> collect_descriptors(msghdr& header) {
    std::vector<Fd> result;
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
            result.emplace_back(fd);
        }
    }
    return result;
}

// Nothing was received: the end of the stream, or a message without a byte. After the end nothing else can follow.
bool other_end_is_gone(int channel) {
    pollfd state{channel, POLLRDHUP, 0};
    int bytes = 0;
    return ::poll(&state, 1, 0) > 0 && ::ioctl(channel, FIONREAD, &bytes) == 0 && bytes == 0;
}

Received receive(int channel, std::span<std::byte> buffer, std::span<char> control, int flags) {
    iovec part{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t size;
    do {
        size = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | flags);
    } while (size < 0 && errno == EINTR);

    Received received;
    if (size < 0) {
        received.error = errno_code();
        return received;
    }
    received.size = static_cast<std::size_t>(size);
    received.descriptors = collect_descriptors(header);
    received.sender = find_sender(header);
    received.descriptors_lost = header.msg_flags & MSG_CTRUNC;
    if (size == 0) received.error = errno_code(other_end_is_gone(channel) ? EPIPE : EBADMSG);
    if (header.msg_flags & MSG_TRUNC) received.error = errno_code(EBADMSG);
    return received;
}

}  // namespace

ChannelPair make_channel(FarDescriptors descriptors) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) throw_errno("socketpair");
    ChannelPair pair{Fd(ends[0]), Fd(ends[1])};
    // O_NONBLOCK belongs to the open file description, so only our end gets it.
    if (::fcntl(pair.near.get(), F_SETFL, O_NONBLOCK) < 0) throw_errno("fcntl O_NONBLOCK");
    if (descriptors == FarDescriptors::refused) refuse_descriptors(pair.near.get());
    return pair;
}

void refuse_descriptors(int channel) {
    const int off = 0;
    ::setsockopt(channel, SOL_SOCKET, kPassRights, &off, sizeof off);
}

std::error_code send_message(int channel, std::span<const std::byte> message, std::span<const int> descriptors) {
    iovec part{const_cast<std::byte*>(message.data()), message.size()};
    alignas(cmsghdr) ControlBuffer control;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    attach_descriptors(header, control, descriptors);
    for (;;) {
        if (::sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
        if (errno != EINTR) return errno_code();
    }
}

Received receive_message(int channel, std::span<std::byte> buffer) {
    alignas(cmsghdr) ControlBuffer control;
    return receive(channel, buffer, control, 0);
}

Received peek_message(int channel, std::span<std::byte> buffer) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control;  // the sender fills it
    return receive(channel, buffer, control, MSG_PEEK);
}

}  // namespace portier::net
