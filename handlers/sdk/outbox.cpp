#include "sdk/outbox.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace portier::sdk {

namespace {

// Bytes sent; -1: the connection is broken.
ssize_t send_some(int fd, std::string_view bytes) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

}  // namespace

Outbox::Result Outbox::send(int fd, std::string_view bytes) {
    if (bytes.empty() || !unsent_.empty()) {
        unsent_ += bytes;
        return unsent_.empty() ? Result::sent : Result::waiting;
    }
    const ssize_t sent = send_some(fd, bytes);
    if (sent < 0) return Result::broken;
    unsent_ = bytes.substr(static_cast<std::size_t>(sent));
    return unsent_.empty() ? Result::sent : Result::waiting;
}

Outbox::Result Outbox::flush(int fd) {
    const ssize_t sent = unsent_.empty() ? 0 : send_some(fd, unsent_);
    if (sent < 0) return Result::broken;
    unsent_.erase(0, static_cast<std::size_t>(sent));
    if (unsent_.empty()) unsent_.shrink_to_fit();
    return unsent_.empty() ? Result::sent : Result::waiting;
}

void Outbox::cut() {
    const std::size_t end = unsent_.find('\n');
    unsent_.resize(end == unsent_.npos ? unsent_.size() : end + 1);
}

}  // namespace portier::sdk
