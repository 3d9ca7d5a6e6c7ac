// A channel for programs that have a way of their own to be given connections (node, haproxy): a connected SOCK_STREAM
// Unix socket on which each descriptor travels with the first byte of its message.
// Not thread-safe: one thread sends and receives on one end.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>

#include "net/channel.hpp"

namespace portier::net {

// As make_channel(): our end is non-blocking, both have CLOEXEC. Throws std::system_error.
ChannelPair make_stream_channel();

struct Moved {
    std::error_code error;  // EAGAIN: no room, or nothing there; EPIPE, ECONNRESET: the other end is gone
    std::size_t size = 0;   // bytes
};

// Sends as many bytes as there is room for, without waiting. The descriptor goes along unless nothing does; the caller
// keeps its own.
Moved send_some(int channel, std::string_view bytes, int descriptor = -1);
// Receives without waiting; a descriptor that comes along is dropped by the kernel.
Moved receive_some(int channel, std::span<char> buffer);

// The process at the other end is gone, or has closed its end.
bool is_hung_up(int channel);

// What the kernel's queue to the other end holds, in its own measure; 0: everything was read (unix(7), SIOCOUTQ).
std::size_t queued_bytes(int channel);
// The same measure for one message of so many bytes. Throws std::system_error.
std::size_t queue_cost(std::size_t message_size);

}  // namespace portier::net
