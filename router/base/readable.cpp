#include "base/readable.hpp"

#include <fcntl.h>
#include <poll.h>

#include <utility>

namespace portier {

// Shared with the pending wait, so that a late completion finds `stopped` and not a dead object.
struct Readable::State : std::enable_shared_from_this<Readable::State> {
    State(boost::asio::io_context& io, int fd, std::function<void()> callback)
        : descriptor(io, fd), on_readable(std::move(callback)) {}

    void wait();

    boost::asio::posix::stream_descriptor descriptor;
    std::function<void()> on_readable;
    bool waiting = false;
    bool stopped = false;
    bool flags_kept = false;
};

bool is_ready(int fd, short events) {
    pollfd wanted{fd, events, 0};
    return ::poll(&wanted, 1, 0) != 0;
}

void Readable::State::wait() {
    waiting = true;
    descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                          [state = shared_from_this()](const boost::system::error_code& error) {
                              state->waiting = false;
                              if (error || state->stopped) return;
                              if (!is_ready(state->descriptor.native_handle(), POLLIN)) return state->wait();
                              state->on_readable();
                          });
}

Readable::Readable(boost::asio::io_context& io, int fd, std::function<void()> on_readable)
    : state_(std::make_shared<State>(io, fd, std::move(on_readable))) {}

Readable::~Readable() {
    stop();
}

void Readable::wait() {
    if (state_->waiting || state_->stopped) return;
    const int fd = state_->descriptor.native_handle();
    const int flags = state_->flags_kept ? 0 : ::fcntl(fd, F_GETFL);
    state_->wait();
    // The first wait makes it non-blocking, also for a process that shares it and expects it to block.
    if (!std::exchange(state_->flags_kept, true)) ::fcntl(fd, F_SETFL, flags);
}

void Readable::stop() {
    if (state_->stopped) return;
    state_->stopped = true;
    // release(), not close(): the descriptor is not ours. It also takes it out of epoll, which close() would not do.
    state_->descriptor.release();
}

}  // namespace portier
