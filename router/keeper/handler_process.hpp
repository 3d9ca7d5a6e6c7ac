// One running process of a handler, from exec to reaping: its pidfd, channel, readiness, watchdog, output and end. Owns
// everything about the process; stopping is asked for, then enforced on the whole process group. Keeper's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/alarm.hpp"
#include "base/readable.hpp"
#include "config/config.hpp"
#include "keeper/notify_socket.hpp"
#include "keeper/output.hpp"
#include "keeper/socket_set.hpp"
#include "metrics/board.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

// A socket that an `inherit` process gets, with the name for LISTEN_FDNAMES.
struct InheritedSocket {
    std::shared_ptr<OpenSocket> socket;
    std::string name;
};

struct ProcessSetup {
    config::Handler handler;
    std::uint32_t slot = 0;
    std::vector<InheritedSocket> sockets;  // inherit
    std::uint32_t channel_number = 0;      // handoff
    std::uint32_t row = 0;                 // on the board, ours until the process is gone
    std::uint32_t handler_row = 0;
};

struct ProcessEnd {
    metrics::Restarted reason;  // how a restart is counted
    std::string text;           // for the log: "signal SIGSEGV"
    bool clean = false;         // exit code 0, of its own will
    std::string last_line;      // of its output, as it was written; empty: it wrote none
};

struct HandlerContext {
    boost::asio::io_context& io;
    metrics::Board& board;
    Closer& closer;
};

class HandlerProcess {
public:
    struct Events {
        std::function<void()> ready;
        std::function<void(const ProcessEnd& end)> ended;  // the last call
    };

    // Starts the program; throws std::system_error. The callbacks come later, from the event loop; a process that need
    // not say that it is ready is so at once, without a callback.
    HandlerProcess(const HandlerContext& context, ProcessSetup setup, Events events);
    ~HandlerProcess();  // kills what is still there

    // Somebody else wants to hear of it from now on.
    void set_events(Events events) { events_ = std::move(events); }

    bool is_ready() const { return ready_; }
    bool is_leaving() const { return asked_to_stop_; }
    pid_t pid() const { return child_.pid; }
    std::uint32_t row() const { return setup_.row; }
    std::uint32_t slot() const { return setup_.slot; }
    bool is_relayed_to() const { return setup_.handler.delivery == config::Delivery::relay; }
    std::uint32_t channel_number() const { return setup_.channel_number; }
    const std::string& handler() const { return setup_.handler.name; }
    int channel() const { return channel_.get(); }  // -1: inherit
    std::uint64_t started_ms() const;
    const std::string& status() const { return status_; }

    // No new connections: an `inherit` process gets the stop signal now, a `handoff` process has heard it on its
    // channel and gets the signal after `patience`, as does one that the router relays to, or one of inetd-wait, which
    // may be busy, unless its socket is another handler's now. SIGKILL to the group follows after the handler's stop
    // timeout.
    void drain(std::chrono::milliseconds patience);
    void lose_socket() { lost_socket_ = true; }
    // The stop signal now, SIGKILL to the group after the stop timeout; called again: the signal again.
    void stop();
    void kill();
    // It takes no more connections. If it is still there after a second, it is stopped.
    void give_up();

private:
    proc::Command make_command(int output, int far_channel);
    void on_variable(std::string_view key, std::string_view value);
    void become_ready();
    void set_state(metrics::ProcessState state);
    std::optional<proc::Ending> finish();
    void on_pidfd();
    void arm_watchdog();
    void ready_timed_out();
    void watchdog_expired();
    std::string blame_text() const;

    metrics::ProcessRow& row_;
    metrics::HandlerRow& handler_row_;
    ProcessSetup setup_;
    Events events_;
    Output output_;
    std::unique_ptr<NotifySocket> notify_;
    Fd channel_;
    proc::Child child_;
    std::unique_ptr<Readable> exit_;
    Alarm alarm_;  // ready_timeout, then stop
    Alarm watchdog_;
    std::optional<metrics::Restarted> blamed_;  // why we killed it
    bool ready_ = false;
    bool asked_to_stop_ = false;
    bool lost_socket_ = false;
    bool signalled_ = false;  // and the time until SIGKILL runs
    std::string status_;      // STATUS= of sd_notify, made printable
};

}  // namespace portier::keeper
