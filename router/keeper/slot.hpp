// One place in a handler's pool: keeps a process in it. A process that ends unasked is started again after a growing,
// jittered delay that is reset once a process has been stable. Keeper's thread only.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <set>

#include "base/alarm.hpp"
#include "keeper/handler_process.hpp"
#include "keeper/rows.hpp"

namespace portier::keeper {

// What makes two slots the same: if nothing here differs, a reload leaves the process alone.
struct SlotPlan {
    config::Handler handler;
    std::uint32_t slot = 0;
    std::vector<InheritedSocket> sockets;

    bool same_process(const SlotPlan& other) const;
};

// What slots share: the event loop, the board and the next free numbers.
struct SlotContext {
    boost::asio::io_context& io;
    metrics::Board& board;
    Rows& rows;
    std::uint32_t& next_number;
    Closer& closer;
};

class Slot {
public:
    struct Events {
        std::function<void()> changed;                      // a process became ready, or ended
        std::function<void(const ProcessEnd& end)> failed;  // as a candidate: it ended before it was ready
    };

    Slot(const SlotContext& context, SlotPlan plan, Events events);
    ~Slot();

    // Starts the process; as a candidate of a reload a failure throws, else it is tried again later. A candidate that
    // is started on demand only takes its place.
    void start_candidate();
    void start();
    // `start: on_demand` and nothing runs or is about to.
    bool sleeps() const;
    // From now on failures are restarted.
    void commit() { candidate_ = false; }

    const SlotPlan& plan() const { return plan_; }
    // Options that matter to the router only (balance, the size of the pool).
    void set_plan(SlotPlan plan) { plan_ = std::move(plan); }
    HandlerProcess* process() const { return process_.get(); }
    const std::string& last_end() const { return last_end_; }  // of the process before; empty: none ended unasked
    bool is_ready() const { return process_ && process_->is_ready(); }

    // Gives the process away, to be drained by somebody else; the slot is empty then.
    std::unique_ptr<HandlerProcess> release();

private:
    void spawn();
    void repair_sockets() const;
    // inetd-wait: each start is the answer to something that has arrived, whatever became of the one before.
    bool accepts_as_inetd() const { return plan_.handler.delivery == config::Delivery::spawn; }
    bool on_demand() const { return plan_.handler.start == config::Start::on_demand; }
    void on_ended(const ProcessEnd& end);
    bool took_nothing();
    void schedule_restart(metrics::Restarted reason, const std::string& text);
    std::chrono::milliseconds next_delay();
    void rest(std::chrono::milliseconds time);
    void set_waiting(bool waiting);
    void show_waiting();

    SlotContext context_;
    SlotPlan plan_;
    Events events_;
    std::unique_ptr<HandlerProcess> process_;
    Alarm restart_;
    std::chrono::milliseconds delay_{0};
    std::string last_end_;
    std::set<std::uint64_t> left_;  // by the process before: what waits at its socket
    bool untaken_told_ = false;
    bool waiting_ = false;           // for the next start
    std::uint32_t waiting_row_ = 0;  // shows that on the board; 0: it has no room
    std::uint64_t started_ms_ = 0;
    bool candidate_ = false;
    std::minstd_rand random_;
};

}  // namespace portier::keeper
