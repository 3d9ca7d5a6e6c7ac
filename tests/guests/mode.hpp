// Mode is what one process does with its connections. The base class has what all modes share: the table, opening all
// of it before the gate, and deadlines; Requests, Hold and Stream add what happens then. One process, one thread.
#pragma once

#include <memory>
#include <vector>

#include "caller.hpp"
#include "connection.hpp"
#include "loop.hpp"
#include "options.hpp"
#include "pacer.hpp"
#include "stage.hpp"

namespace portier::guests {

struct Context {
    const Options& options;
    std::uint32_t process;
    Loop& loop;
    Share& share;
};

class Mode {
public:
    virtual ~Mode() = default;

    // Before the gate: every connection was tried.
    bool opened() const { return next_ == to_open_ && opening_ == 0; }
    virtual bool ready() const { return opened(); }
    // The gate is open: the measured part begins.
    virtual void release(std::int64_t now) = 0;
    // No further operation begins; those under way end as usual.
    virtual void stop() = 0;
    virtual bool finished(std::int64_t now) const = 0;

    void on_event(std::uint32_t slot, std::uint32_t events);
    // Called after each batch of events, and at wakeup_ns at the latest.
    void step(std::int64_t now);
    virtual std::int64_t wakeup_ns(std::int64_t now) const;

    // The run's limit is over: whatever is not done counts as timed out.
    void give_up();

protected:
    // `opening` paces the first part; its total is the number of connections to open before the gate.
    Mode(const Context& context, const Schedule& opening);

    // One connection of the first part is there (Outcome::ok) or failed and is closed.
    virtual void on_opened(Connection& connection, Outcome outcome) = 0;
    virtual void on_io(Connection& connection, std::uint32_t events) = 0;
    virtual void on_deadline(Connection& connection) = 0;
    virtual void proceed(std::int64_t now) = 0;
    // Of the connections that are open, how many count as being opened still.
    virtual std::uint32_t settling() const { return 0; }
    // Operations that were promised and have not ended.
    virtual std::uint64_t unfinished() const = 0;

    void set_deadline(Connection& connection, std::int64_t now) { connection.deadline_ns = now + timeout_ns_; }

    const Options& options_;
    Share& share_;
    Tally& tally_;
    Loop& loop_;
    Caller caller_;
    std::vector<Connection> connections_;

private:
    bool may_open() const { return next_ < to_open_ && opening_ + settling() < window_; }
    void open_some(std::int64_t now);
    void settle_opening(Connection& connection, Outcome outcome);
    void check_deadlines(std::int64_t now);

    Pacer opening_pacer_;
    const std::uint32_t to_open_;
    const std::uint32_t window_;
    std::uint32_t next_ = 0;
    std::uint32_t opening_ = 0;
    const std::int64_t timeout_ns_;
    std::int64_t next_check_ns_ = 0;
};

std::unique_ptr<Mode> make_mode(const Context& context);

}  // namespace portier::guests
