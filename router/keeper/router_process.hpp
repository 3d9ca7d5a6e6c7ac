// The keeper's side of the router: starts it unprivileged, tells it the plan, and starts another one at once when it
// dies, with the same sockets and channels. Keeper's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/alarm.hpp"
#include "base/readable.hpp"
#include "delivery/link.hpp"
#include "keeper/closer.hpp"
#include "keeper/plan_builder.hpp"
#include "metrics/board.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

class RouterProcess {
public:
    struct Options {
        Closer& closer;
        std::string user;  // empty: as the keeper
        bool json_log = false;
        std::string log_level;
        // The order as it is now; asked whenever one is sent, because its descriptors are those of this moment.
        std::function<RouterOrder()> make_order;
        std::function<void(std::uint32_t handler_row)> on_demand;
        std::function<void(std::uint32_t process_row)> on_broken;  // it takes no more connections, alive or not
        // A process for this connection; false: no router may ask for that.
        std::function<bool(const delivery::SpawnRequest& request, Fd connection)> on_spawn;
    };

    RouterProcess(boost::asio::io_context& io, metrics::BoardMemory& board, Options options);
    ~RouterProcess();  // kills it

    // Starts the first router. Throws std::system_error.
    void start();

    // Sends the order as it is now; `applied` is called once it is in force, unless another one was sent by then. A
    // router that does not answer within 5 s is replaced by a new one that starts with the order of that moment; it is
    // also asked now and then when there is no order.
    void publish(std::function<void()> applied);

    // Asks it to deliver what is under way and end. `released` is called when it accepts nothing more; a router that
    // does not say so within 5 s is killed. `ended` is called when it is gone: at the latest 5 s after `patience`,
    // which begins then and is for the connections that it relays. What was to be called when an order is in force is
    // forgotten.
    struct Stop {
        std::chrono::milliseconds patience;
        std::function<void()> released, ended;
    };
    void stop(Stop stop);
    void hurry();  // after stop(): no more patience

    // The answer to on_spawn, to the router of this moment.
    void spawned_ended(const delivery::SpawnEnd& end);

    pid_t pid() const { return child_.pid; }

private:
    void spawn();
    void watch();
    std::optional<proc::Ending> bury();
    void send_order();
    void on_link();
    bool on_message(delivery::LinkMessage message);
    void refuse_router();
    void read_last_wishes();
    void send_ends();
    void on_exit();
    void replace();
    void expect_answer();
    void ask_to_stop(std::chrono::milliseconds patience);
    void on_released();
    void kill_after(std::chrono::milliseconds delay);
    void ping();
    void on_applied(std::uint64_t revision);

    boost::asio::io_context& io_;
    metrics::BoardMemory& board_;
    Options options_;
    Fd executable_;
    std::uint64_t revision_ = 0;
    std::function<void()> applied_;
    std::function<void()> released_, ended_;
    std::chrono::milliseconds patience_{};  // of a stop, once it is released
    bool hurried_ = false;
    proc::Child child_;
    bool may_be_transparent_ = false;  // it has the capability to use its clients' addresses
    Fd link_;
    std::set<std::uint32_t> offered_;  // to this router
    std::unique_ptr<Readable> exit_, link_readable_;
    std::deque<delivery::SpawnEnd> ends_;  // not yet told
    Alarm answer_, next_ping_, next_ends_;
    Alarm restart_;  // or, while it lives, of an order that could not be sent
    bool answer_due_ = false;
    bool ping_waits_ = false;  // for room on the link
    std::uint64_t started_ms_ = 0;
    unsigned deaths_ = 0;  // one soon after the other
};

}  // namespace portier::keeper
