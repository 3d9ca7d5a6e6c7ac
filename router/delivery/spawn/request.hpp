// What the router asks the keeper for with delivery `spawn`, a process for one connection, and how the keeper answers
// when that has ended. Plain values, which are their own bytes on the link (delivery/link.hpp); any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "net/endpoint.hpp"

namespace portier::delivery {

struct SpawnRequest {
    std::uint64_t cookie = 0;  // of the connection: names the request, in the next router's time as well
    std::uint64_t accepted_us = 0;
    std::uint32_t handler = 0;    // row
    net::Endpoint local, remote;  // the true ones, where a PROXY header told them
};

struct SpawnEnd {
    std::uint64_t cookie = 0;
    std::uint32_t handler = 0;  // row
    bool started = true;        // false: no program ran
};

// For the keeper, which trusts nothing: nullopt unless the bytes are a request and `connection` is the TCP connection
// with its cookie. (-1, which the kernel leaves when the keeper is out of descriptors, may be anything.)
std::optional<SpawnRequest> decode_spawn(std::span<const std::byte> bytes, int connection);

}  // namespace portier::delivery
