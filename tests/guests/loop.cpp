#include "loop.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "clock.hpp"

namespace portier::guests {

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) throw_errno("epoll_create1");
}

void Loop::watch_command(int fd, std::uint64_t key) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLONESHOT;
    event.data.u64 = key;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw_errno("epoll_ctl for the parent's commands");
}

void Loop::watch(Connection& connection, std::uint32_t events) {
    if (connection.watched == events) return;
    epoll_event event{};
    event.events = events;
    event.data.u64 = connection.slot;
    const int action = connection.watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (::epoll_ctl(epoll_.get(), action, connection.fd.get(), &event) != 0) throw_errno("epoll_ctl");
    connection.watched = events;
}

void Loop::forget(Connection& connection) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
    connection.watched = 0;
}

std::span<const epoll_event> Loop::wait(std::int64_t until_ns) {
    const std::int64_t left = std::max<std::int64_t>(0, until_ns - now_ns());
    const timespec timeout{.tv_sec = left / kSecond, .tv_nsec = left % kSecond};
    // epoll_pwait2(2) because milliseconds are too coarse for an open loop.
    const int count = ::epoll_pwait2(epoll_.get(), events_.data(), static_cast<int>(events_.size()), &timeout, nullptr);
    if (count < 0 && errno != EINTR) throw_errno("epoll_pwait2");
    return std::span(events_).first(static_cast<std::size_t>(std::max(count, 0)));
}

}  // namespace portier::guests
