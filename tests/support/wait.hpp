// Waiting in tests: for a condition, never for a time. The deadline is generous, because it is met only by a defect.
#pragma once

#include <poll.h>

#include <chrono>

namespace portier::test {

inline constexpr std::chrono::seconds kDeadline{30};

// Looks again and again; false: the condition did not come true before the deadline.
template <typename Condition>
bool eventually(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

// The same while an event loop runs. `Loop` is boost::asio::io_context, which this header need not know.
template <typename Loop, typename Condition>
bool run_until(Loop& io, Condition condition) {
    return eventually([&] {
        io.restart();
        io.poll();
        return condition();
    });
}

// Runs what is ready now.
template <typename Loop>
void run_ready(Loop& io) {
    io.restart();
    while (io.poll() > 0) {
    }
}

}  // namespace portier::test
