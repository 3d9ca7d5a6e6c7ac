// What the command line asked for, as plain values (made by parse_arguments, then never changed).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "net/endpoint.hpp"

namespace portier::guests {

using Nanoseconds = std::chrono::nanoseconds;

enum class ModeName { hold, crr, rr, stream, udp };
enum class Output { text, json };

const char* to_string(ModeName mode);

struct Options {
    ModeName mode = ModeName::crr;
    net::Endpoint target{};
    Output output = Output::text;
    std::uint64_t seed = 1;

    std::uint32_t slots = 100;    // connections or flows open at the same time, over all processes
    std::uint32_t opening = 256;  // how many of them are being opened (hold: or checked) at the same time
    std::uint32_t processes = 1;
    std::uint32_t sources = 0;  // 127/8 source addresses to spread over; 1: the kernel chooses
    std::uint64_t size = 64;    // bytes of a request; stream: of one write

    std::uint64_t total = 0;  // operations; stream: bytes per connection; 0: until `duration` is over
    Nanoseconds duration{0};  // 0: until `total` is reached
    double rate = 0;          // operations begun per second, over all processes; 0: closed loop
    Nanoseconds timeout{0};   // of one connect or one answer
    Nanoseconds limit{0};     // of the whole run

    bool new_flow_per_request = false;  // udp
    bool greet = false;                 // hold: ask once right after connecting too
    bool until_stdin = false;           // a line or the end of the standard input ends it
};

}  // namespace portier::guests
