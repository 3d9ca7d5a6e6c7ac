// The one clock of a run: nanoseconds of CLOCK_MONOTONIC, the same in all processes.
#pragma once

#include <cstdint>
#include <ctime>

namespace portier::guests {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kMillisecond = 1'000'000;

inline std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace portier::guests
