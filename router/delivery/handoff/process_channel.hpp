// The router's side of one process's channel, whatever language is spoken on it: passes connections on and keeps a copy
// of each socket until the process has it. One implementation for each dialect. Owns the channel's descriptor. Desk
// thread only.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delivery/delivery.hpp"

namespace portier::metrics {
struct ProcessRow;
}

namespace portier::delivery {

class ProcessChannel {
public:
    struct Events {
        std::function<void()> room;                       // there is room again
        std::function<void(std::vector<Accepted>)> dead;  // the process is gone; these it had not taken
        std::function<void()> broken;                     // it does not keep to the contract and gets no more
        std::function<void(Fd)> release;                  // closes our copy of a socket that was taken
        std::function<void(std::uint64_t)> dispatched;    // microseconds from accept to taken
        std::function<void(Accepted)> returned;           // it could not take this one
        std::function<void()> later;                      // call retry() soon
    };

    struct Setup {
        Fd channel;
        std::uint32_t row_number;
        metrics::ProcessRow& row;
        std::string handler;
        Events events;
    };

    explicit ProcessChannel(Setup setup);
    virtual ~ProcessChannel() = default;

    int descriptor() const { return channel_.get(); }
    // The events of epoll_ctl(2) on which on_readable() shall be called.
    virtual std::uint32_t watched() const { return EPOLLIN; }
    // Hears what the process has said or done. Afterwards this object may be gone (Events::dead).
    virtual void on_readable() = 0;
    // The process has ended, whoever holds its end of the channel: as on_readable(), and then Events::dead.
    virtual void end() = 0;

    std::uint32_t row_number() const { return row_number_; }
    const metrics::ProcessRow& row() const { return row_; }

    // Within its window, and it takes what it gets: a process that is stuck holds up few connections.
    bool has_room() const;
    virtual std::uint64_t under_way() const = 0;
    bool idle() const { return untaken_.empty(); }

    // Precondition: has_room(). What could not be sent comes back.
    std::optional<Accepted> send(Accepted accepted);
    // After a refusal, or Events::later: look again whether the process has read something since.
    virtual void retry();

    // Asks the process to close flows, where the dialect has a word for that; lost when its queue is full.
    virtual void evict(const net::Eviction& /*eviction*/) {}

    // No more will come: tells the process, if there is a word for that, as soon as there is room.
    virtual void drain() = 0;

protected:
    struct Untaken {
        std::uint64_t id;
        std::uint64_t sent_us;
        Accepted accepted;
    };

    // So many may be under way.
    virtual std::uint64_t window() const = 0;
    virtual std::error_code transmit(std::uint64_t id, const Accepted& accepted) = 0;

    bool is_overdue() const;
    void break_off();
    void wait_until_it_reads();
    void first_is_taken();
    void on_dead();

    Fd channel_;
    std::uint32_t row_number_;
    metrics::ProcessRow& row_;
    std::string handler_;
    Events events_;
    std::deque<Untaken> untaken_;  // in the order sent
    bool full_ = false;            // the kernel's queue to it is full

private:
    std::size_t queued_when_full_ = 0;
};

// `dialect`: portier, node, haproxy.
std::unique_ptr<ProcessChannel> make_process_channel(const std::string& dialect, ProcessChannel::Setup setup);

}  // namespace portier::delivery
