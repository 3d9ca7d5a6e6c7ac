// All relayed connections of one relay thread: one epoll for their sockets, edge-triggered and registered once, which
// the thread's io_context watches. Takes turns among those that have something to do, keeps their deadlines, and tells
// the desk what became of them, once a round. Made at the desk, which calls start() and end_all(); everything else runs
// on the thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <list>
#include <memory>
#include <vector>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"
#include "delivery/relay_pair.hpp"

namespace portier::delivery {

class RelayLoop {
public:
    // `desk`: where reports are told. Must go after the thread has ended and before `io`.
    RelayLoop(boost::asio::io_context& io, boost::asio::io_context& desk);

    // At the desk: how many connections it has or will have.
    std::size_t connections() const { return connections_; }
    void expect_one() { ++connections_; }

    // Begins these connections, which were expected.
    void start(std::vector<std::unique_ptr<RelayTicket>> tickets);
    // Ends all that belong to `owner`, reason `unknown`.
    void end_all(const RelayReports* owner);

private:
    struct Pair : RelayPair {
        using RelayPair::RelayPair;
        std::list<Pair>::iterator place;
    };
    struct Report {
        RelayReports* owner;
        RelayPair::State state;  // moving: it has just been connected
        Backend* backend;
        std::uint64_t microseconds;           // from accept to connected
        std::unique_ptr<RelayTicket> ticket;  // when it is over
    };

    void begin(std::unique_ptr<RelayTicket> ticket);
    void watch(Pair& pair, RelayPair::Side side);
    void run();
    int collect();
    void take_turns();
    void after(Pair& pair, RelayPair::State before);
    void queue(Pair& pair);
    void retire(Pair& pair);
    void finish_round();
    void schedule_tick();
    void set_deadline(Pair& pair);

    boost::asio::io_context& io_;
    boost::asio::io_context& desk_;
    Fd epoll_;
    RelaySupplies supplies_;
    TimerWheel wheel_;
    std::list<Pair> pairs_, ended_;
    std::vector<Pair*> queue_, turn_;  // those that have something to do, and those that have their turn
    std::vector<Report> reports_;
    std::unique_ptr<Readable> readable_;
    Alarm tick_;
    bool ticking_ = false;
    std::size_t connections_ = 0;  // the desk's
};

}  // namespace portier::delivery
