// The plan: what the router has to do, written by the keeper from the checked configuration. The router never reads
// YAML and never opens a port; it gets a plan and the descriptors that the plan names by number. Plain values; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/network.hpp"

namespace portier::delivery {

struct RatePlan {
    std::uint64_t count = 0;  // 0: no limit
    std::uint64_t period_ms = 0;
};

struct NetworkPlan {
    std::string address;
    unsigned prefix = 0;
};

// What is no address is left out: the keeper wrote them, so that does not happen.
std::vector<net::Network> networks_of(const std::vector<NetworkPlan>& plan);

struct AdmissionPlan {
    std::uint64_t max_connections = 0;  // 0: no limit
    std::uint64_t max_connections_per_source = 0;
    RatePlan accept_rate;
    RatePlan accept_rate_per_source;
    std::vector<NetworkPlan> allow;
    std::vector<NetworkPlan> deny;
    std::string over_limit;  // wait, reset, close
};

// A handler's address to which its relay connects.
struct BackendPlan {
    std::uint32_t row = 0;     // on the board
    std::uint32_t number = 0;  // its position among the addresses of the handler, also of those that are left out now
    std::string name;          // as the configuration has it
    std::string address;       // resolved; empty: a Unix socket
    std::uint16_t port = 0;
    std::string path;  // of a Unix socket
    unsigned weight = 1;
    bool backup = false;
    std::uint64_t max_connections = 0;  // 0: no limit
};

struct HealthPlan {
    std::uint64_t interval_ms = 0;  // 0: no active checks
    std::uint64_t timeout_ms = 0;
    unsigned rise = 0;
    unsigned fall = 0;
};

struct RelayPlan {
    std::vector<BackendPlan> backends;
    std::uint64_t connect_timeout_ms = 0;
    unsigned attempts = 0;
    std::uint64_t fail_timeout_ms = 0;
    HealthPlan health;
    std::uint64_t queue_max = 0;  // 0: refuse at once
    std::uint64_t queue_timeout_ms = 0;
    std::string source_address;  // empty: the kernel's choice
    bool transparent = false;
    std::string proxy_protocol;   // v1, v2; empty: none
    std::string proxy_datagrams;  // every, first
};

// A process that was started for a connection and has not ended.
struct RunningPlan {
    std::uint64_t cookie = 0;  // of the connection
    std::string source;
};

struct SpawnPlan {
    std::string style;  // inetd, inetd-wait, ucspi, systemd
    std::uint64_t max_processes = 0;
    std::uint64_t max_processes_per_source = 0;  // 0: no limit
    std::vector<RunningPlan> running;            // also those that a router before this one asked for
};

// Who has to send a PROXY header; empty: nobody may.
struct ProxyFromPlan {
    std::vector<NetworkPlan> from;
    std::uint64_t timeout_ms = 0;
};

// UDP, where the router reads.
struct FlowsPlan {
    std::uint64_t idle_ms = 0;
    std::uint64_t max = 0;
    std::uint64_t max_per_source = 0;  // 0: no limit
    // relay: what outlives the router, by descriptor number; the socket is for backends in 127.0.0.0/8
    std::uint32_t memory = 0;
    std::uint32_t loopback_socket = 0;
    bool log = false;  // a line for each flow at its end
};

struct PortPlan {
    std::string key;
    std::uint32_t row = 0;  // on the board
    std::string protocol;   // tcp, udp
    std::string address;    // empty: every address
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    std::uint32_t handler = 0;             // index in Plan::handlers
    std::vector<std::uint32_t> listeners;  // descriptor numbers, only where the router accepts or reads
    AdmissionPlan admission;
    ProxyFromPlan proxy;
    std::uint64_t idle_timeout_ms = 0;  // relay; 0: never
    FlowsPlan flows;
};

struct ProcessPlan {
    std::uint32_t row = 0;  // on the board
    std::uint32_t slot = 0;
    std::uint32_t channel = 0;  // descriptor number; 0: none (inherit)
};

struct HandlerPlan {
    std::string name;
    std::uint32_t row = 0;
    std::string delivery;  // handoff, inherit, relay, spawn
    std::string balance;
    bool on_demand = false;              // without a process: ask the keeper for one when a connection comes
    std::vector<ProcessPlan> processes;  // those that shall get new connections
    std::string dialect;                 // handoff: portier, node, haproxy
    RelayPlan relay;
    SpawnPlan spawn;
};

// Whether the router accepts, or reads the datagrams, and not the handler's processes for themselves.
bool router_accepts(const HandlerPlan& handler);

struct Plan {
    std::uint64_t generation = 0;
    std::vector<HandlerPlan> handlers;
    std::vector<PortPlan> ports;
    std::vector<std::uint32_t> leaving;  // channels of processes that are alive and shall get no new connections
    std::vector<std::uint32_t> admin_listeners;
    std::uint32_t destroy_events = 0;  // descriptor number; 0: the kernel gave none
    unsigned relay_threads = 0;        // 0: one for each processor
    bool log_connections = false;
    std::string log_level;
};

std::string to_json(const Plan& plan);
Plan plan_from_json(const std::string& text);  // throws: the keeper wrote it, so anything wrong is a defect

}  // namespace portier::delivery
