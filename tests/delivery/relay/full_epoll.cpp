#include "delivery/relay/full_epoll.hpp"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace {

std::atomic<bool> full{false};
std::atomic<unsigned> refusals{0};

}  // namespace

extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
    if (full && operation == EPOLL_CTL_ADD) {
        ++refusals;
        errno = ENOSPC;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}

namespace portier::test {

FullEpoll::FullEpoll() {
    refusals = 0;
    full = true;
}

FullEpoll::~FullEpoll() {
    full = false;
}

unsigned FullEpoll::refused() const {
    return refusals;
}

}  // namespace portier::test
