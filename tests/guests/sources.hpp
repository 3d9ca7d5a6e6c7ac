// Sources spreads connections over many addresses of 127/8, because one source address has only some 28,000 ports
// towards one destination. It is for IPv4 loopback destinations; with one source nothing is bound. One process.
#pragma once

#include <cstdint>
#include <system_error>

namespace portier::guests {

class Sources {
public:
    // `first` is where this process begins in the ring of `count` addresses.
    Sources(std::uint32_t count, std::uint32_t first) : count_(count), next_(first) {}

    // Binds the socket to the next source address and leaves the port to connect(2).
    std::error_code bind_next(int socket);

    static constexpr std::uint32_t kMost = 1U << 22;

private:
    std::uint32_t count_;
    std::uint32_t next_;
};

}  // namespace portier::guests
