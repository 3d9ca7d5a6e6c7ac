// Loop is one process's epoll: it watches connections by their slot, and the two descriptors by which the parent
// commands all processes (Stage). Level-triggered. One process, one thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/fd.hpp"
#include "connection.hpp"

namespace portier::guests {

class Loop {
public:
    // epoll_event::data.u64 of what is not a slot.
    static constexpr std::uint64_t kGate = ~std::uint64_t{0};
    static constexpr std::uint64_t kStop = kGate - 1;

    // Throws std::system_error.
    Loop();

    // `fd` becomes readable once, and once reported it is ignored. Throws std::system_error.
    void watch_command(int fd, std::uint64_t key);

    // Registers `connection` for exactly these epoll events; a closed descriptor leaves by itself.
    void watch(Connection& connection, std::uint32_t events);

    void forget(Connection& connection);

    // The next events; none when `until_ns` has come.
    std::span<const epoll_event> wait(std::int64_t until_ns);

private:
    Fd epoll_;
    std::array<epoll_event, 512> events_;
};

}  // namespace portier::guests
