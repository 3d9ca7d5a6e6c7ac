// The processes of one handler of delivery `spawn`, one for each connection: starts them, counts how they end, and ends
// them with everything in their process group. What they write to stderr goes through one pipe into the log. Keeper's
// thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/alarm.hpp"
#include "base/readable.hpp"
#include "config/config.hpp"
#include "delivery/plan.hpp"
#include "delivery/spawn/request.hpp"
#include "keeper/output.hpp"
#include "keeper/start_reports.hpp"
#include "metrics/board.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

class SpawnedHandler {
public:
    struct Context {
        boost::asio::io_context& io;
        metrics::Board& board;
        StartReports& reports;
        // A process is gone, or could not be started. May destroy the handler.
        std::function<void(const delivery::SpawnEnd& end)> ended;
    };

    SpawnedHandler(const Context& context, std::uint32_t row, config::Handler handler);
    ~SpawnedHandler();  // kills what is still there

    // For the next processes; those that run stay. A smaller max_processes is not asked of the router before settle().
    void configure(config::Handler handler);
    void settle() { most_ = handler_.max_processes; }

    // Whether a router may ask for this one.
    bool may_start(std::uint64_t cookie) const { return processes_.size() < most_ && !processes_.contains(cookie); }
    // Tells how it went by Context::ended only.
    void start(const delivery::SpawnRequest& request, Fd connection);

    std::uint32_t row() const { return row_number_; }
    std::vector<delivery::RunningPlan> running() const;
    bool idle() const { return processes_.empty(); }
    bool owns(pid_t pid) const;

    // After `patience` as stop().
    void drain(std::chrono::milliseconds patience);
    // The stop signal to every process, SIGKILL to the groups after the stop timeout.
    void stop();

private:
    struct Process {
        proc::Child child;
        net::Address source;
        std::unique_ptr<Readable> exit;
    };

    proc::Command make_command(const delivery::SpawnRequest& request, int connection);
    void on_exit(std::uint64_t cookie);
    std::optional<proc::Ending> bury(Process& process);
    void forget_source(const net::Address& source);
    void could_not_start(std::uint64_t cookie, const std::string& why);

    Context context_;
    std::uint32_t row_number_;
    metrics::HandlerRow& row_;
    config::Handler handler_;
    std::optional<proc::Command> base_;  // made when first needed
    std::uint64_t most_;                 // processes at the same time
    Output output_;
    Fd log_;                                                // the end of its pipe that the processes get
    std::unordered_map<std::uint64_t, Process> processes_;  // by cookie of their connection
    std::map<net::Address, std::uint64_t> by_address_;      // so many of them serve whom
    Alarm alarm_;                                           // drain, then SIGKILL
    bool signalled_ = false;
};

}  // namespace portier::keeper
