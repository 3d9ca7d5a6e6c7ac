// Stage is the memory that the processes of a run share, and the gate between the two halves of a run: every process
// opens its connections and says that it is ready; when all are, the parent opens the gate. Made by the parent before
// it forks. Each process writes only its own Share.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/fd.hpp"
#include "tally.hpp"

namespace portier::guests {

struct Share {
    std::atomic<bool> ready = false;
    std::atomic<std::uint64_t> opened = 0;  // connections tried, for the progress bar
    std::atomic<std::uint64_t> asked = 0;   // hold: connections checked, for the progress bar
    std::atomic<std::uint64_t> open = 0;    // connections open now
    Tally tally;                            // the parent reads it when the process has ended
};

class Stage {
public:
    // Throws std::system_error.
    explicit Stage(std::uint32_t processes);
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    std::span<Share> shares() const { return shares_; }

    // For the processes: readable as soon as the gate is open, or no more operations are to begin.
    int gate() const { return gate_.get(); }
    int stop() const { return stop_.get(); }
    void say_ready(std::uint32_t process);

    // For the parent: readable when another process became ready; read_ready makes it quiet again.
    int readiness() const { return readiness_.get(); }
    void read_ready();
    void open_gate();
    void say_stop();

private:
    Fd gate_;
    Fd stop_;
    Fd readiness_;
    std::span<Share> shares_;
};

}  // namespace portier::guests
