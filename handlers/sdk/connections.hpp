// The open TCP connections of a program, by descriptor number: owns the sockets and knows what each one waits for.
// Twelve bytes a connection, no allocation per connection. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "sdk/loop.hpp"

namespace portier::sdk {

class Connections {
public:
    explicit Connections(Loop& loop) : loop_(loop) {}

    // Takes a non-blocking socket that will wait for reading. Nothing is watched before watch().
    void add(Fd socket);
    // From now on the loop reports it. Closes it when the kernel refuses.
    void watch(int fd);
    // EPOLLIN, EPOLLOUT or both; errors are always reported.
    void wait_for(int fd, std::uint32_t events);
    void close(int fd);

    bool has(int fd) const { return static_cast<std::size_t>(fd) < slots_.size() && slots_[fd].socket; }
    std::size_t count() const { return count_; }
    // How many were closed since the last call.
    std::size_t take_closed() { return std::exchange(closed_, 0); }

    // Calls each(fd) for every connection; each may close any of them.
    template <typename Each>
    void for_each(Each&& each) {
        for (std::size_t fd = 0; fd < slots_.size(); ++fd)
            if (slots_[fd].socket) each(static_cast<int>(fd));
    }

private:
    struct Slot {
        Fd socket;
        std::uint32_t events = 0;
        bool watched = false;
    };

    Loop& loop_;
    std::vector<Slot> slots_;
    std::size_t count_ = 0;
    std::size_t closed_ = 0;
};

}  // namespace portier::sdk
