// Who relays connections: the relay threads, and the desk itself. A connection that the desk keeps needs no other
// thread to wake up, so a part of them begins there; who stays or moves much leaves for a thread, because the desk
// accepts for everybody. The desk's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "base/alarm.hpp"
#include "base/readable.hpp"
#include "delivery/relay/thread.hpp"

namespace portier::delivery {

class RelayThreads {
public:
    // `desk` outlives it.
    explicit RelayThreads(boost::asio::io_context& desk);
    RelayThreads(const RelayThreads&) = delete;
    RelayThreads& operator=(const RelayThreads&) = delete;
    ~RelayThreads();

    // As many as threads_for() says, or as the kernel gives; even none. The first call decides, others change nothing.
    // Throws std::system_error when not even the desk can relay.
    void start(unsigned count);
    // Ends them; what they have not finished is never told. Before the owners of the connections go.
    void stop();

    // Somebody connects to the ticket's backend and relays; its owner is told what becomes of it, never from in here.
    void begin(std::unique_ptr<RelayTicket> ticket);
    // Ends all connections of `owner`, reason `unknown`; it is told of each.
    void end_all(const RelayReports* owner);
    // Tells what has become of connections by now, rather than soon.
    void tell_all() { outbox_.tell_all(); }

private:
    struct Seat {
        explicit Seat(RelayOutbox& outbox) : thread(outbox) {}
        std::vector<std::unique_ptr<RelayTicket>> tickets;  // of this turn of the desk
        RelayThread thread;
    };

    Seat& least_busy();
    void begin_here(std::unique_ptr<RelayTicket> ticket);
    void work_here();
    void find_places_for(RelayLoop::Pairs leaving);
    void come_back_here();
    void send_tickets();

    boost::asio::io_context& desk_;
    RelayOutbox outbox_;
    std::vector<std::unique_ptr<Seat>> threads_;
    std::size_t next_ = 0;
    bool sending_ = false;             // posted and not run
    std::unique_ptr<RelayLoop> here_;  // once started
    std::unique_ptr<Readable> readable_;
    Alarm tick_;
    bool ticking_ = false, working_ = false;                        // set or posted, and not run
    const std::shared_ptr<bool> alive_ = std::make_shared<bool>();  // what is posted looks whether this still is
};

}  // namespace portier::delivery
