#include "sdk/connections.hpp"

namespace portier::sdk {

void Connections::add(Fd socket) {
    const auto index = static_cast<std::size_t>(socket.get());
    if (index >= slots_.size()) slots_.resize(index + 1);
    slots_[index] = {std::move(socket), EPOLLIN, false};
    ++count_;
}

void Connections::watch(int fd) {
    slots_[fd].watched = loop_.add(fd, slots_[fd].events);
    if (!slots_[fd].watched) close(fd);
}

void Connections::wait_for(int fd, std::uint32_t events) {
    Slot& slot = slots_[fd];
    if (slot.events == events) return;
    slot.events = events;
    if (slot.watched) loop_.change(fd, events);
}

void Connections::close(int fd) {
    Slot& slot = slots_[fd];
    // portier may still hold its copy for a moment: closing ours would leave the socket in epoll.
    if (slot.watched) loop_.remove(fd);
    slot = {};
    --count_;
    ++closed_;
}

}  // namespace portier::sdk
