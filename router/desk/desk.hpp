// The desk: the router's accepting thread. Holds the listeners and deliveries of the plan in force and swaps to a new
// plan in one step between two connections. Everything here runs on the thread that runs `io`.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "delivery/descriptors.hpp"
#include "delivery/plan.hpp"
#include "desk/listener.hpp"

namespace portier::desk {

class Desk {
public:
    // `on_demand`: a handler without a process needs one.
    Desk(boost::asio::io_context& io, metrics::Board& board, std::function<void(std::uint32_t handler_row)> on_demand);

    // Puts the plan in force: what it keeps is untouched, what it drops delivers what was already waiting.
    void apply(const delivery::Plan& plan, delivery::Descriptors& descriptors);

    // Stops accepting after what is waiting; `done` is called when everything accepted is in a process's hands.
    void stop(std::function<void()> done);

    // A connection of this port has ended (posted by accounting where a limit per source needs it).
    void connection_ended(std::uint32_t port_row, const net::Address& source);

    // For a port with a limit per source: what a router before us let in, and what a dump found in all.
    void sources_found(std::uint32_t port_row, const std::map<net::Address, std::uint64_t>& more);
    void sources_counted(std::uint32_t port_row, const std::map<net::Address, std::uint64_t>& living);

private:
    struct Port {
        PortState state;
        std::map<std::uint32_t, std::unique_ptr<Listener>> listeners;  // by descriptor number
    };

    void apply_handlers(const delivery::Plan& plan, delivery::Descriptors& descriptors);
    void apply_port(const delivery::PortPlan& plan, const std::string& handler, delivery::Descriptors& descriptors);
    void resume_all();
    void wait_until_idle();

    boost::asio::io_context& io_;
    metrics::Board& board_;
    std::function<void(std::uint32_t)> on_demand_;
    std::map<std::string, std::unique_ptr<delivery::Delivery>> deliveries_;  // by handler
    std::vector<std::unique_ptr<delivery::Delivery>> leaving_;               // of handlers that are gone, until idle
    std::map<std::uint32_t, Port> ports_;                                    // by row
    boost::asio::steady_timer idle_timer_;
    std::function<void()> on_stopped_;
};

}  // namespace portier::desk
