#include "net/splice.hpp"

#include <fcntl.h>

namespace portier::net {

std::optional<Pipe> make_pipe(std::size_t capacity, std::size_t least) {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return std::nullopt;
    Pipe pipe{Fd(ends[1]), Fd(ends[0]), 0};
    ::fcntl(pipe.in.get(), F_SETPIPE_SZ, static_cast<int>(capacity));
    const int got = ::fcntl(pipe.in.get(), F_GETPIPE_SZ);
    if (got < 0 || static_cast<std::size_t>(got) < least) return std::nullopt;
    pipe.capacity = static_cast<std::size_t>(got);
    return pipe;
}

ssize_t splice_from(int socket, const Pipe& pipe) {
    return ::splice(socket, nullptr, pipe.in.get(), nullptr, pipe.capacity, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

// Without SPLICE_F_MORE, which would hold back the last segment as TCP_CORK does.
ssize_t splice_to(const Pipe& pipe, int socket, std::size_t size) {
    return ::splice(pipe.out.get(), nullptr, socket, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

}  // namespace portier::net
