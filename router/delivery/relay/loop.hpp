// Relayed TCP connections that share a thread: one epoll for their sockets, edge-triggered and registered once. Takes
// turns among those that have something to do, keeps their deadlines, and tells what became of them. Owns them. One
// thread, except for the count of connections.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "delivery/relay/outbox.hpp"
#include "delivery/relay/pair.hpp"

namespace portier::delivery {

class RelayLoop {
public:
    struct Limits {
        int events = 256;              // in one round
        std::size_t budget = 1 << 20;  // bytes in one turn and direction, so that others get theirs
        // Who has had so many turns, or has more to do after one, leaves for another loop. 0: nobody leaves.
        unsigned turns_of_a_stay = 0;
    };

    struct Pair : RelayPair {
        using RelayPair::RelayPair;
        std::list<Pair>::iterator place;
        unsigned turns = 0;
    };
    using Pairs = std::list<Pair>;

    // Throws std::system_error.
    RelayLoop(RelayOutbox& outbox, Limits limits);
    RelayLoop(const RelayLoop&) = delete;
    RelayLoop& operator=(const RelayLoop&) = delete;

    // How many connections it has or will have. Who gives it one says so first. Any thread.
    std::size_t connections() const { return connections_; }
    void expect_one() { ++connections_; }

    // Connects to the backend of a connection that was expected, and relays it.
    void begin(std::unique_ptr<RelayTicket> ticket);
    // Goes on with connections that have left another loop, and were expected.
    void adopt(Pairs pairs);
    // Those that have left: the caller finds them another loop.
    Pairs take_leaving() { return std::exchange(leaving_, {}); }
    // Ends all that belong to `owner`, reason `unknown`.
    void end_all(const RelayReports* owner);

    // Notes what epoll says, and waits `patience` milliseconds for something; -1: for ever.
    void collect(int patience);
    // After the above and after any of the others: turns, deadlines, reports.
    void work();
    // Milliseconds until there is work without any event; 0: now, -1: never.
    int patience() const;
    // The epoll: readable when collect() would find something.
    int descriptor() const { return epoll_.get(); }
    // An edge on this descriptor ends a collect(), no more. Throws std::system_error.
    void watch_for_wake_up(int descriptor);

private:
    bool watch(Pair& pair);
    bool watch(Pair& pair, RelayPair::Side side);
    void take_turns();
    void after(Pair& pair, RelayPair::State before);
    void queue(Pair& pair);
    bool should_leave(Pair& pair, bool more) const;
    void leave(Pair& pair);
    void give_up(Pair& pair, int error);
    void retire(Pair& pair);
    void look_at_deadlines();
    void set_deadline(Pair& pair);

    const Limits limits_;
    Fd epoll_;
    RelaySupplies supplies_;
    TimerWheel wheel_;
    std::uint64_t next_tick_ms_ = 0;
    Pairs pairs_, leaving_, ended_;
    std::vector<Pair*> queue_, turn_;  // those that have something to do, and those that have their turn
    std::vector<RelayReport> reports_;
    RelayOutbox& outbox_;
    std::atomic<std::size_t> connections_{0};
};

}  // namespace portier::delivery
