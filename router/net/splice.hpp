// Moving bytes between sockets inside the kernel: splice(2) by way of a pipe. Plain calls, any thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>

#include "base/fd.hpp"

namespace portier::net {

// Non-blocking, empty when made.
struct Pipe {
    Fd in;                     // splice_from() writes here
    Fd out;                    // splice_to() reads here
    std::size_t capacity = 0;  // bytes, as the kernel gave it
};

// Asks for `capacity`; a user with many pipes gets small ones (pipe(7), pipe-user-pages-soft). nullopt: no pipe, or one
// smaller than `least`.
std::optional<Pipe> make_pipe(std::size_t capacity, std::size_t least);

// Both as read(2) and write(2): -1 with errno, EAGAIN when there is nothing to read, no room to write. A full pipe is
// EAGAIN for splice_from(), too: call it with an empty one. Whoever writes has to ignore SIGPIPE.
ssize_t splice_from(int socket, const Pipe& pipe);
ssize_t splice_to(const Pipe& pipe, int socket, std::size_t size);

}  // namespace portier::net
