// Pacer says when operations begin. Closed loop: whenever there is room, until the total or the time is used up. Open
// loop: at fixed points in time, however late the answers are; latency counts from these points, so a server that
// stalls cannot hide the requests it kept from being sent. The processes of a run share one schedule. One process.
#pragma once

#include <cstdint>

namespace portier::guests {

struct Schedule {
    double rate = 0;               // per second over all processes; 0: closed loop
    std::uint64_t total = 0;       // over all processes; 0: no bound
    std::int64_t duration_ns = 0;  // 0: no bound; open loop: all operations due in it are begun, even later
    std::uint32_t processes = 1;
    std::uint32_t index = 0;  // of this process
};

// The part of `total` that process `index` does: the parts add up to the total.
constexpr std::uint64_t share_of(std::uint64_t total, std::uint32_t index, std::uint32_t processes) {
    return total / processes + (index < total % processes ? 1 : 0);
}

class Pacer {
public:
    explicit Pacer(const Schedule& schedule);

    void start(std::int64_t now) { start_ns_ = now; }

    // Nothing is due any more.
    void stop() { stopped_ = true; }
    bool exhausted(std::int64_t now) const;
    bool due(std::int64_t now) const { return !exhausted(now) && next_ns(now) <= now; }
    // Uses up one operation and returns the time at which it should begin.
    std::int64_t take(std::int64_t now);
    // When the next operation is due; `now` in the closed loop.
    std::int64_t next_ns(std::int64_t now) const;
    // Operations not yet taken; 0 if only the time bounds them.
    std::uint64_t remaining() const { return counted_ && !stopped_ ? share_ - taken_ : 0; }

private:
    Schedule schedule_;
    bool counted_;
    bool stopped_ = false;
    std::uint64_t share_;
    std::uint64_t taken_ = 0;
    std::int64_t start_ns_ = 0;
};

}  // namespace portier::guests
