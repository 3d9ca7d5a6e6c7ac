// The router's side of one process's handoff channel (contract: handlers/README.md): sends doors within the process's
// credit and keeps a copy of each socket until it is *taken*. Owns the channel's descriptor. Desk thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "delivery/delivery.hpp"

namespace portier::metrics {
struct ProcessRow;
}

namespace portier::delivery {

class HandoffChannel {
public:
    struct Events {
        std::function<void()> room;                        // credit came, or doors were taken
        std::function<void(std::vector<Accepted>)> dead;   // the process is gone; these it had not taken
        std::function<void(std::uint64_t)> dispatched;     // microseconds from accept to taken
    };

    HandoffChannel(Fd channel, std::uint32_t row_number, metrics::ProcessRow& row, Events events);

    int descriptor() const { return channel_.get(); }
    // Reads what the process has said. Afterwards this object may be gone (Events::dead).
    void on_readable();

    std::uint32_t row_number() const { return row_number_; }
    const metrics::ProcessRow& row() const { return row_; }

    bool has_room() const;
    std::uint64_t under_way() const;
    bool idle() const { return untaken_.empty(); }

    // Precondition: has_room(). What could not be sent comes back.
    std::optional<Accepted> send(Accepted accepted);
    // After a refusal: try again.
    void retry() { full_ = false; }

    // Tells the process that no more will come.
    void drain();

private:
    struct Untaken {
        std::uint64_t id;
        Accepted accepted;
    };

    bool read_one();
    void on_taken(std::uint64_t id);
    void on_dead();

    Fd channel_;
    std::uint32_t row_number_;
    metrics::ProcessRow& row_;
    Events events_;
    std::deque<Untaken> untaken_;
    std::uint64_t inherited_ = 0;  // last id that a router before us had sent
    bool stopping_ = false;       // the process wants no more
    bool full_ = false;           // the kernel's queue to it is full
    std::vector<std::byte> message_;
};

}  // namespace portier::delivery
