// A thread that relays connections. Made at the desk, which calls what is public here.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "delivery/relay/loop.hpp"
#include "delivery/relay/mailbox.hpp"

namespace portier::delivery {

class RelayThread {
public:
    // Starts it. Throws std::system_error.
    explicit RelayThread(RelayOutbox& outbox);
    RelayThread(const RelayThread&) = delete;
    RelayThread& operator=(const RelayThread&) = delete;
    ~RelayThread() { stop(); }

    // Ends it; what it has not finished is never told. Before the owners of its connections go.
    void stop();

    // See RelayLoop; soon.
    std::size_t connections() const { return loop_.connections(); }
    void begin(std::vector<std::unique_ptr<RelayTicket>> tickets);
    void adopt(RelayLoop::Pairs pairs);
    void end_all(const RelayReports* owner);

    // A connection that begin() will bring.
    void expect_one() { loop_.expect_one(); }

private:
    struct Order {
        std::vector<std::unique_ptr<RelayTicket>> begin;
        RelayLoop::Pairs adopt;
        const RelayReports* end_all_of = nullptr;
    };

    void order(Order order);
    void wake();
    void run();
    void take_orders();

    Fd wake_up_;  // an eventfd
    RelayLoop loop_;
    Mailbox<Order> orders_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;  // last: it uses everything above
};

}  // namespace portier::delivery
