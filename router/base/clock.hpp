// Time as the daemon uses it: CLOCK_MONOTONIC for durations (it never jumps, and is the same in keeper and router),
// wall time only for what a person or Prometheus reads. Any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace portier {

inline std::uint64_t monotonic_microseconds() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

inline std::uint64_t monotonic_milliseconds() {
    return monotonic_microseconds() / 1000;
}

inline std::uint64_t wall_milliseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace portier
