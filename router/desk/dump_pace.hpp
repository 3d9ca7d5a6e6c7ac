// When the next dump of the kernel's sockets may begin: a dump blocks its thread, so dumps of one kind take at most a
// fiftieth of its time, however often something asks for one. Times are monotonic. Accounting's thread only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace portier::desk {

class DumpPace {
public:
    // How long to wait for a dump that is wanted after `wish`.
    std::chrono::microseconds delay(std::chrono::microseconds wish, std::uint64_t now_us) const {
        const std::uint64_t rest = earliest_us_ > now_us ? earliest_us_ - now_us : 0;
        return std::max(wish, std::chrono::microseconds(rest));
    }
    bool may_begin(std::uint64_t now_us) const { return now_us >= earliest_us_; }
    void ended(std::uint64_t begin_us, std::uint64_t now_us) { earliest_us_ = now_us + (now_us - begin_us) * kRest; }

private:
    static constexpr std::uint64_t kRest = 50;

    std::uint64_t earliest_us_ = 0;
};

}  // namespace portier::desk
