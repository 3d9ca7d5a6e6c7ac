// How connections reach the processes of one handler: the interface that every delivery in which the router accepts
// implements, one file each. (With `inherit` the process accepts, so the router has nothing to deliver.)
// Desk thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "metrics/board.hpp"
#include "net/endpoint.hpp"
#include "net/handoff_wire.hpp"

namespace boost::asio {
class io_context;
}

namespace portier::metrics {
struct Board;
enum class Rejected;
}  // namespace portier::metrics

namespace portier::net {
class LingeringCloser;
}

namespace portier::delivery {

struct HandlerPlan;
struct PortPlan;
struct SpawnRequest;
struct SpawnEnd;
class Descriptors;
class RelayThreads;
class UdpThreads;

// A connection that was accepted and admitted, or a flow with a connected socket of its own. Whoever holds this value
// owns the socket.
struct Accepted {
    Fd socket;  // non-blocking
    std::uint8_t protocol = IPPROTO_TCP;
    net::Endpoint local;
    net::Endpoint remote;
    std::uint16_t header_size = 0;  // of a PROXY header, which is read and tells the ends; 0: there was none
    std::vector<std::vector<std::byte>> datagrams;  // of a flow: those that came before its socket, in order
    std::uint32_t port_row = 0;
    std::uint64_t cookie = 0;
    std::uint64_t accepted_us = 0;      // monotonic
    std::uint64_t idle_timeout_ms = 0;  // of its port; 0: never
};

// A connection that the router itself has seen to its end.
struct Ended {
    const Accepted& accepted;
    std::string backend;                   // "-": none
    std::uint64_t received = 0, sent = 0;  // bytes from and to the client
    metrics::Closed reason = metrics::Closed::unknown;
};

class Delivery {
public:
    virtual ~Delivery() = default;

    // False: nobody can take a connection now, so connections stay in the kernel's queue.
    virtual bool has_room() const = 0;

    // has_room() is false because of a limit of the handler's own: a port with `over_limit: reset` or `close` accepts
    // and refuses then.
    virtual bool at_limit() const { return false; }

    // Why a limit of the handler's own stands against a connection from here. nullopt: none does.
    virtual std::optional<metrics::Rejected> refuse(const net::Address& source) const;

    // The records of handovers are read too slowly; nothing should be delivered until has_room() again.
    virtual bool is_behind() const = 0;

    // Takes the connection; it reaches a process or, if that dies first, another one.
    virtual void deliver(Accepted accepted) = 0;

    // A connection waits while there is no room: start what can be started.
    virtual void demand() = 0;

    // A listener has accepted what it will accept for now.
    virtual void end_of_burst() = 0;

    // A process that was started for one connection is gone.
    virtual void on_spawned_ended(const SpawnEnd& end);

    // A new plan: processes came or went. Those that went are told that no more will come, and are given up once they
    // are not among `leaving` (channel numbers) any more.
    virtual void update(const HandlerPlan& plan, const std::set<std::uint32_t>& leaving, Descriptors& descriptors) = 0;

    // Whether it reads the datagrams of its UDP ports itself. Then it is told, after each update(), which of them
    // (rows) it keeps, and ends the flows of the others; true: it has begun to, on a thread of UdpThreads. Afterwards
    // it is told of all that are its own now.
    virtual bool reads_datagrams() const { return false; }
    virtual bool keep_udp_ports(const std::set<std::uint32_t>& /*rows*/) { return false; }
    virtual void serve_datagrams(const std::vector<PortPlan>& /*ports*/, Descriptors& /*descriptors*/) {}

    // A port has all the flows that it may have: processes shall close those that have been idle the longest.
    virtual void evict(const net::Eviction&) {}

    // True when nothing is left to hand over, and no connection is with the router.
    virtual bool idle() const = 0;

    // The time to end in peace is over: what is still with the router is closed, and idle() follows.
    virtual void end() {}
};

struct DeliveryContext {
    boost::asio::io_context& io;
    metrics::Board& board;
    net::LingeringCloser& closer;
    std::function<void()> on_room;                             // called when has_room() became true again
    std::function<void(std::uint32_t process_row)> on_broken;  // a process, alive or not, will take no more
    std::function<bool(std::uint32_t handler_row)> on_demand;  // the handler needs a process; false: ask again later
    std::function<void(const Ended&)> on_ended = {};
    // The keeper shall start a process; false: the same. The connection stays the caller's.
    std::function<bool(const SpawnRequest& request, int connection)> on_spawn = {};
    // The desk's: started before a relay is made, and before one has a UDP port.
    RelayThreads* relay_threads = nullptr;
    UdpThreads* udp_threads = nullptr;
};

// nullptr: the handler's processes accept for themselves.
std::unique_ptr<Delivery> make_delivery(const HandlerPlan& plan, const DeliveryContext& context);

}  // namespace portier::delivery
