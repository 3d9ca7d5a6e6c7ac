// The desk: the router's accepting thread. Holds the listeners and deliveries of the plan in force and swaps to a new
// plan in one step between two connections. Everything here runs on the thread that runs `io`.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/alarm.hpp"
#include "delivery/descriptors.hpp"
#include "delivery/plan.hpp"
#include "delivery/relay/threads.hpp"
#include "delivery/spawn/request.hpp"
#include "delivery/udp/threads.hpp"
#include "desk/flow_port.hpp"
#include "desk/listener.hpp"
#include "desk/relay_ends.hpp"
#include "net/lingering_closer.hpp"

namespace portier::desk {

class Desk {
public:
    struct Events {
        std::function<bool(std::uint32_t handler_row)>
            demand;  // a handler without a process needs one; false: not heard
        std::function<void(std::uint32_t process_row)>
            broken;  // a process takes no more connections: it should be replaced
        std::function<bool(const delivery::SpawnRequest& request, int connection)> spawn =
            {};  // a connection needs a process of its own; false: not heard
    };

    Desk(boost::asio::io_context& io, metrics::Board& board, Events events);
    ~Desk();

    // Puts the plan in force: what it keeps is untouched, what it drops delivers what was already waiting.
    void apply(const delivery::Plan& plan, delivery::Descriptors& descriptors);

    // Stops accepting after what is waiting; `done` is called when everything accepted is in a process's hands or has
    // ended. What is still with the router after `patience` is closed; a second call can shorten that.
    void stop(std::chrono::milliseconds patience, std::function<void()> done);

    // A connection of this port has ended (posted by accounting where a limit per source needs it).
    void connection_ended(std::uint32_t port_row, const net::Address& source);

    // A process that the keeper started for one connection is gone.
    void spawned_ended(const delivery::SpawnEnd& end);

    // For a port with a limit per source: what a router before us let in, and what a dump found in all.
    void sources_found(std::uint32_t port_row, const std::map<net::Address, std::uint64_t>& more);
    void sources_counted(std::uint32_t port_row, const std::map<net::Address, std::uint64_t>& living);

    // A flow of this port has ended: its socket is gone.
    void flow_ended(std::uint32_t port_row, std::uint64_t cookie);

private:
    using SharedSockets = std::map<std::uint32_t, std::shared_ptr<Fd>>;  // by descriptor number

    struct Handler {
        std::string kind;                              // of delivery
        std::unique_ptr<delivery::Delivery> delivery;  // empty: its processes accept for themselves
        std::vector<std::uint32_t> starved;
    };

    void drop_listeners(const delivery::Plan& plan);
    void apply_handlers(const delivery::Plan& plan, delivery::Descriptors& descriptors);
    bool is_read_by_delivery(const delivery::PortPlan& port, const delivery::Plan& plan) const;
    void serve_datagrams(const delivery::Plan& plan, delivery::Descriptors& descriptors);
    std::vector<std::unique_ptr<FlowPort>> drop_flow_ports(const delivery::Plan& plan);
    static SharedSockets share_flow_sockets(const delivery::Plan& plan, delivery::Descriptors& descriptors);
    PortState& apply_port(const delivery::PortPlan& plan, Handler& handler);
    void apply_listeners(const delivery::PortPlan& plan, PortState& port, delivery::Descriptors& descriptors);
    void apply_flow_ports(const delivery::PortPlan& plan, PortState& port, const SharedSockets& sockets);
    void resume(std::uint32_t number);
    void resume_starved(const std::string& handler);
    std::unique_ptr<delivery::Delivery> make_delivery(const delivery::HandlerPlan& handler);
    void wait_until_idle();

    boost::asio::io_context& io_;
    metrics::Board& board_;
    Events events_;
    net::LingeringCloser closer_;
    RelayEnds relay_ends_;
    ProxyGate gate_;
    delivery::UdpThreads udp_threads_;
    delivery::RelayThreads relay_threads_;
    std::map<std::string, Handler> handlers_;                       // by name
    std::map<std::uint32_t, delivery::Delivery*> by_row_;           // of those
    std::vector<std::unique_ptr<delivery::Delivery>> leaving_;      // of handlers that are gone, until idle
    std::vector<std::uint32_t> alive_;                              // channels of the processes of the plan
    std::map<std::uint32_t, PortState> ports_;                      // by row
    std::map<std::uint32_t, std::unique_ptr<Listener>> listeners_;  // by descriptor number
    net::DatagramReader reader_;
    std::map<std::uint32_t, std::unique_ptr<FlowPort>> flow_ports_;  // by descriptor number
    boost::asio::steady_timer idle_timer_;
    Alarm patience_;  // with what is left when stopping
    std::function<void()> on_stopped_;
};

}  // namespace portier::desk
