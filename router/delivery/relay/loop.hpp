// All relayed TCP connections of one relay thread: one epoll for their sockets, edge-triggered and registered once.
// Takes turns among those that have something to do, keeps their deadlines, and tells the desk what became of them.
// Made at the desk, which calls what is public; everything else runs on the thread.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "delivery/relay/mailbox.hpp"
#include "delivery/relay/outbox.hpp"
#include "delivery/relay/pair.hpp"

namespace portier::delivery {

class RelayLoop {
public:
    // Starts the thread. `desk`: where reports are told. Throws std::system_error.
    explicit RelayLoop(boost::asio::io_context& desk);
    RelayLoop(const RelayLoop&) = delete;
    RelayLoop& operator=(const RelayLoop&) = delete;
    ~RelayLoop() { stop(); }

    // Ends the thread; what it has not finished is never told. Before the owners of its connections go.
    void stop();

    // How many connections it has or will have.
    std::size_t connections() const { return connections_; }
    void expect_one() { ++connections_; }

    // Tells what has become of connections by now, rather than soon.
    void tell_all() { outbox_.tell_all(); }

    // Begins these connections, which were expected.
    void start(std::vector<std::unique_ptr<RelayTicket>> tickets);
    // Ends all that belong to `owner`, reason `unknown`.
    void end_all(const RelayReports* owner);

private:
    struct Pair : RelayPair {
        using RelayPair::RelayPair;
        std::list<Pair>::iterator place;
    };
    struct Order {
        std::vector<std::unique_ptr<RelayTicket>> start;
        const RelayReports* end_all_of = nullptr;
    };

    void order(Order order);
    void wake();
    void run();
    int patience() const;
    void collect();
    void take_orders();
    void begin(std::unique_ptr<RelayTicket> ticket);
    void end_all_of(const RelayReports* owner);
    bool watch(Pair& pair, RelayPair::Side side);
    void take_turns();
    void after(Pair& pair, RelayPair::State before);
    void queue(Pair& pair);
    void retire(Pair& pair);
    void look_at_deadlines();
    void set_deadline(Pair& pair);
    void finish_round();
    void tell(RelayReport& report);

    Fd epoll_;
    Fd wake_up_;  // an eventfd
    RelaySupplies supplies_;
    TimerWheel wheel_;
    std::uint64_t next_tick_ms_ = 0;
    std::list<Pair> pairs_, ended_;
    std::vector<Pair*> queue_, turn_;  // those that have something to do, and those that have their turn
    std::vector<RelayReport> reports_;
    RelayOutbox outbox_;
    Mailbox<Order> orders_;
    std::atomic<bool> stopping_{false};
    std::size_t connections_ = 0;  // the desk's
    std::thread thread_;           // last: it uses everything above
};

}  // namespace portier::delivery
