// Delivery `spawn` at the keeper: does what the router asks for, a process for one connection, after having made sure
// that a router may ask for it. Processes outlive the router, and a handler's change or removal. Keeper's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "config/config.hpp"
#include "delivery/plan.hpp"
#include "delivery/spawn/request.hpp"
#include "keeper/rows.hpp"
#include "keeper/spawned_handler.hpp"
#include "metrics/board.hpp"

namespace portier::keeper {

class Spawner {
public:
    // `ended`: for the router. Throws std::system_error.
    Spawner(boost::asio::io_context& io, metrics::Board& board, Rows& rows,
            std::function<void(const delivery::SpawnEnd&)> ended);

    // The handlers of the configuration that comes into force. Those that are gone serve the router until settle().
    void assign(const config::Config& config);
    // The router has the new configuration. Processes of handlers that are gone get `patience`, then signals.
    void settle(std::chrono::milliseconds patience);

    // False: no router may ask for that.
    bool start(const delivery::SpawnRequest& request, Fd connection);

    // Of the handler with this row, whoever asked for them.
    std::vector<delivery::RunningPlan> running(std::uint32_t row) const;
    bool owns(pid_t pid) const;

    // The end of the daemon: drain, then signals; `ended` is called when no process is left.
    void stop(std::chrono::milliseconds patience, std::function<void()> ended);
    void hurry();  // the stop signal now

private:
    void put_aside(std::uint32_t row, std::chrono::milliseconds patience);
    void clear_leaving();

    Rows& rows_;
    StartReports reports_;
    SpawnedHandler::Context context_;
    std::map<std::uint32_t, std::unique_ptr<SpawnedHandler>> handlers_;  // by row
    std::set<std::uint32_t> gone_;                                       // of those, not in the configuration any more
    std::list<std::unique_ptr<SpawnedHandler>> leaving_;                 // nobody asks for them any more
    std::function<void()> on_stopped_;
};

}  // namespace portier::keeper
