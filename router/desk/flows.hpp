// The flows of one UDP port that are handed off: those that processes have, and those whose first datagrams wait until
// there is room for them. Bounded. Desk thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "delivery/plan.hpp"
#include "metrics/board.hpp"
#include "net/datagrams.hpp"
#include "net/handoff_wire.hpp"
#include "net/port_intervals.hpp"
#include "net/udp_flow.hpp"

namespace portier::desk {

using FlowKey = net::FlowEndpoints;

struct WaitingFlow {
    std::uint64_t since_us = 0;
    std::uint32_t interface = 0;  // of link-local addresses
    struct Early {
        std::uint64_t arrived_ns;
        std::vector<std::byte> bytes;
    };
    std::vector<Early> early;
    std::size_t early_bytes = 0;  // as they will be encoded

    // Moved out, in the order in which the kernel took them in, whichever socket had them.
    std::vector<std::vector<std::byte>> take_early();
};

class Flows {
public:
    // What waits in all, in flows and in bytes of their datagrams: more than the queue of the shared socket can hold.
    static constexpr std::size_t kMostWaiting = 16384;
    static constexpr std::size_t kMostBytes = 16 << 20;

    // Finds in the kernel what processes have from a router before us.
    Flows(const delivery::PortPlan& plan, metrics::PortRow& row);

    void update(const delivery::PortPlan& plan);

    // All that there may be, with so many more that are about to begin, so that one has to end before another one can
    // begin.
    bool full(std::size_t more = 0) const { return limits_.max > 0 && handed_.size() + more >= limits_.max; }
    std::uint64_t max() const { return limits_.max; }
    std::uint64_t idle_ms() const { return limits_.idle_ms; }
    // Asks for so many ends in all, if they were not asked for before.
    net::Eviction evict(std::size_t wanted);
    void forget_evictions();

    WaitingFlow* find_waiting(const FlowKey& key);
    // nullptr: too many wait already.
    WaitingFlow* add_waiting(const FlowKey& key);
    // Appends a datagram; false: there is no room for it, in the flow's message or in all.
    bool append(WaitingFlow& flow, const net::Datagram& datagram);
    // Takes a flow that is waiting out of the table.
    WaitingFlow take_waiting(const FlowKey& key);

    // The cookie of its socket; nullopt: no process has it.
    std::optional<std::uint64_t> find_handed(const FlowKey& key) const;
    void add_handed(const FlowKey& key, std::uint64_t cookie);
    // The socket is gone. nullopt: it was not known, or is forgotten already.
    std::optional<FlowKey> remove_handed(std::uint64_t cookie);
    const std::map<FlowKey, std::uint64_t>& handed() const { return handed_; }

    // The port's sockets, by number, that wait until a flow has ended.
    std::set<std::uint32_t> blocked;

private:
    void find_living();

    metrics::PortRow& row_;
    std::optional<net::Address> address_;  // of the port; empty: every address
    net::PortInterval numbers_{0, 0};
    delivery::FlowsPlan limits_;
    std::map<FlowKey, WaitingFlow> waiting_;
    std::map<FlowKey, std::uint64_t> handed_;
    std::unordered_map<std::uint64_t, FlowKey> by_cookie_;
    std::size_t waiting_bytes_ = 0;
};

}  // namespace portier::desk
