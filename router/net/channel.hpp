// A channel is a connected SOCK_SEQPACKET Unix socket: whole messages, in order, with descriptors beside
// them (SCM_RIGHTS). The keeper talks to the router over one and the router to each handoff process.
// Not thread-safe: one thread sends and receives on one end.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "base/fd.hpp"

namespace portier::net {

// Our contract (handlers/README.md) stays at 64 descriptors a message. Others may send SCM_MAX_FD (unix(7)); all are
// received, because the kernel would close the rest within recvmsg(2), and closing may wait.
inline constexpr std::size_t kMaxDescriptors = 64;
inline constexpr std::size_t kMostDescriptors = 253;
inline constexpr std::size_t kMaxMessage = 131072;

struct ChannelPair {
    Fd near;  // non-blocking, for us
    Fd far;   // blocking, for the other process
};

// Whether somebody sends descriptors to our end.
enum class FarDescriptors { refused, accepted };

// Both ends have CLOEXEC. Throws std::system_error.
ChannelPair make_channel(FarDescriptors descriptors = FarDescriptors::refused);

// Where the kernel can, it refuses descriptors that are sent to this end. We would have to close them, which may wait
// when they are lingering sockets.
void refuse_descriptors(int channel);

// Sends one message without waiting. The caller keeps its descriptors. EAGAIN: the queue is full, nothing was sent.
std::error_code send_message(int channel, std::span<const std::byte> message, std::span<const int> descriptors = {});

struct Sender {
    pid_t pid;
    uid_t user;
};

struct Received {
    std::error_code error;          // EAGAIN: nothing there; EPIPE: the other end is gone; EBADMSG: cut off, or empty
    std::size_t size = 0;           // bytes in the caller's buffer
    std::vector<Fd> descriptors;    // ours from now on, CLOEXEC
    std::optional<Sender> sender;   // by the kernel's word, where SO_PASSCRED is on
    bool descriptors_lost = false;  // MSG_CTRUNC: this process was at its descriptor limit, the rest is closed
};

// Receives one message into `buffer` without waiting.
Received receive_message(int channel, std::span<std::byte> buffer);

// Only looks at the next message, which stays where it is; `descriptors_lost` says that some come with it. For a socket
// with SO_PASSCRED.
Received peek_message(int channel, std::span<std::byte> buffer);

}  // namespace portier::net
