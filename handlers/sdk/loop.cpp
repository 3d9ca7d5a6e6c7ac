#include "sdk/loop.hpp"

#include "base/error.hpp"

namespace portier::sdk {

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) throw_errno("epoll_create1");
}

bool Loop::add(int fd, std::uint32_t events) {
    epoll_event event{events, {}};
    event.data.fd = fd;
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::change(int fd, std::uint32_t events) {
    epoll_event event{events, {}};
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::remove(int fd) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::span<const epoll_event> Loop::wait(std::optional<int> timeout_ms) {
    const int count =
        ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout_ms.value_or(-1));
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    return std::span(events_).first(count < 0 ? 0 : static_cast<std::size_t>(count));
}

}  // namespace portier::sdk
