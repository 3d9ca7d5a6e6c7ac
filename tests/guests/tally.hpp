// Tally is everything one process of a run has counted: how operations ended, bytes, and the two histograms. It is
// plain bytes in shared memory: the process writes it, the parent merges the tallies when the processes have ended.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "histogram.hpp"

namespace portier::guests {

// How an operation ended. What an operation is depends on the mode: README.md.
enum class Outcome : std::uint8_t {
    ok,
    refused,               // nobody listens (ECONNREFUSED)
    reset_before_request,  // broken by the other side before the whole request was sent
    reset_after_request,   // ... and after it
    timeout,               // no connection or no answer in time
    short_answer,          // closed in order, but before the whole answer came
    wrong_answer,          // other bytes than those sent, or more of them
    system_error,          // anything else, as a rule a lack of this machine: Tally::system_errno
};
inline constexpr std::size_t kOutcomes = 8;

struct Tally {
    std::array<std::uint64_t, kOutcomes> outcomes{};
    std::uint64_t connections = 0;  // TCP connections that were established
    std::uint64_t held = 0;         // hold: connections open when all had been tried
    std::uint64_t late = 0;         // UDP: right answers to requests that had timed out, and second copies
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_bytes = 0;
    int system_errno = 0;          // the first one
    std::int64_t started_ns = 0;   // of the measured part, CLOCK_MONOTONIC
    std::int64_t finished_ns = 0;  // 0: the measured part never began
    Histogram connect;
    Histogram response;

    void count(Outcome outcome, std::uint64_t times = 1) { outcomes[static_cast<std::size_t>(outcome)] += times; }
    std::uint64_t of(Outcome outcome) const { return outcomes[static_cast<std::size_t>(outcome)]; }
    std::uint64_t operations() const;
    std::uint64_t failures() const { return operations() - of(Outcome::ok); }
    double seconds() const { return static_cast<double>(finished_ns - started_ns) / 1e9; }

    void merge(const Tally& other);
};

}  // namespace portier::guests
