// The router's side of one process's handoff channel (contract: handlers/README.md): sends doors within the process's
// credit and keeps a copy of each socket until it is *taken*. Owns the channel's descriptor. Desk thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <system_error>
#include <vector>

#include "delivery/delivery.hpp"

namespace portier::metrics {
struct ProcessRow;
}

namespace portier::delivery {

class HandoffChannel {
public:
    struct Events {
        std::function<void()> room;                       // credit came, or doors were taken
        std::function<void(std::vector<Accepted>)> dead;  // the process is gone; these it had not taken
        std::function<void()> broken;                     // it broke the contract and gets no more
        std::function<void(Fd)> release;                  // closes our copy of a socket that was taken
        std::function<void(std::uint64_t)> dispatched;    // microseconds from accept to taken
    };

    HandoffChannel(Fd channel, std::uint32_t row_number, metrics::ProcessRow& row, Events events);

    int descriptor() const { return channel_.get(); }
    // Reads what the process has said. Afterwards this object may be gone (Events::dead).
    void on_readable();
    // The process has ended, whoever holds its end of the channel: as on_readable(), and then Events::dead.
    void end();

    std::uint32_t row_number() const { return row_number_; }
    const metrics::ProcessRow& row() const { return row_; }

    // Within its credit, and it takes what it gets: a process that is stuck holds up few connections.
    bool has_room() const;
    std::uint64_t under_way() const;
    bool idle() const { return untaken_.empty(); }

    // Precondition: has_room(). What could not be sent comes back.
    std::optional<Accepted> send(Accepted accepted);
    // After a refusal: find out whether the process has read something since.
    void retry();

    // Asks the process to close flows; lost when its queue is full.
    void evict(const net::Eviction& eviction);

    // Tells the process that no more will come, as soon as there is room for that.
    void drain();

private:
    struct Untaken {
        std::uint64_t id;
        std::uint64_t sent_us;
        Accepted accepted;
    };

    enum class Said { something, nothing, farewell };
    Said read_one();
    bool is_overdue() const;
    std::error_code tell_idle(std::uint32_t idle_ms);
    void on_refused(const std::error_code& error);
    void break_off();
    void on_taken(std::uint64_t id);
    void on_dead();

    Fd channel_;
    std::uint32_t row_number_;
    metrics::ProcessRow& row_;
    Events events_;
    std::deque<Untaken> untaken_;
    std::uint64_t inherited_ = 0;  // last id that a router before us had sent
    bool full_ = false;            // the kernel's queue to it is full
    int queued_when_full_ = 0;     // bytes, as the kernel counts them
    bool drain_due_ = false;
    std::optional<std::uint32_t> told_idle_ms_;  // for the flows that follow
    std::vector<std::byte> message_;
};

}  // namespace portier::delivery
