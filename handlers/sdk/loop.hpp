// A thin, level-triggered epoll(7): which descriptors are ready. An event is a hint keyed by descriptor number:
// the number may have been closed and reused since, so whoever acts on it must use non-blocking calls.
// One thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/fd.hpp"

namespace portier::sdk {

class Loop {
public:
    // Throws std::system_error.
    Loop();

    // Itself readable while something is ready: for a program that waits in an event loop of its own.
    int fd() const { return epoll_.get(); }

    // False: the kernel has no room for another watched descriptor (errno says why).
    bool add(int fd, std::uint32_t events);
    void change(int fd, std::uint32_t events);
    // Always before close(2): while another process holds a copy of the socket, closing it removes nothing.
    void remove(int fd);

    // The fd of an event is in data.fd. nullopt waits for ever. The result is valid until the next call.
    std::span<const epoll_event> wait(std::optional<int> timeout_ms);

private:
    Fd epoll_;
    std::array<epoll_event, 256> events_;
};

}  // namespace portier::sdk
