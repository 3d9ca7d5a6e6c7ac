// Fd owns one file descriptor and closes it once. Every descriptor of portier lives in exactly one Fd,
// is opened with CLOEXEC, and moves by std::move. Any thread; no sharing.
#pragma once

#include <unistd.h>

#include <utility>

namespace portier {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

    // Gives the descriptor away: the caller closes it.
    int release() { return std::exchange(fd_, -1); }

    void reset(int fd = -1) {
        // close(2): on Linux the descriptor is gone even after EINTR, so it is never retried.
        if (fd_ >= 0) ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

}  // namespace portier
