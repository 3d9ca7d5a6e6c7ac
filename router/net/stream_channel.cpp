#include "net/stream_channel.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "base/error.hpp"

namespace portier::net {

ChannelPair make_stream_channel() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) throw_errno("socketpair");
    ChannelPair pair{Fd(ends[0]), Fd(ends[1])};
    if (::fcntl(pair.near.get(), F_SETFL, O_NONBLOCK) < 0) throw_errno("fcntl O_NONBLOCK");
    refuse_descriptors(pair.near.get());
    return pair;
}

Moved send_some(int channel, std::string_view bytes, int descriptor) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptor)];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (descriptor >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(sizeof descriptor);
        std::memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
    }
    for (;;) {
        const ssize_t size = ::sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size >= 0) return {{}, static_cast<std::size_t>(size)};
        if (errno != EINTR) return {errno_code(), 0};
    }
}

Moved receive_some(int channel, std::span<char> buffer) {
    for (;;) {
        const ssize_t size = ::recv(channel, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size > 0) return {{}, static_cast<std::size_t>(size)};
        if (size == 0) return {errno_code(EPIPE), 0};
        if (errno != EINTR) return {errno_code(), 0};
    }
}

bool is_hung_up(int channel) {
    pollfd state{channel, 0, 0};
    return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR));
}

std::size_t queued_bytes(int channel) {
    int bytes = 0;
    return ::ioctl(channel, SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

std::size_t queue_cost(std::size_t message_size) {
    const ChannelPair pair = make_stream_channel();
    if (const Moved sent = send_some(pair.near.get(), std::string(message_size, '\0')); sent.error)
        throw std::system_error(sent.error, "send on a new channel");
    return queued_bytes(pair.near.get());
}

}  // namespace portier::net
