// The plan: what the router has to do, written by the keeper from the checked configuration. The router never reads
// YAML and never opens a port; it gets a plan and the descriptors that the plan names by number. Plain values; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace portier::delivery {

struct RatePlan {
    std::uint64_t count = 0;  // 0: no limit
    std::uint64_t period_ms = 0;
};

struct NetworkPlan {
    std::string address;
    unsigned prefix = 0;
};

struct AdmissionPlan {
    std::uint64_t max_connections = 0;  // 0: no limit
    std::uint64_t max_connections_per_source = 0;
    RatePlan accept_rate;
    RatePlan accept_rate_per_source;
    std::vector<NetworkPlan> allow;
    std::vector<NetworkPlan> deny;
    std::string over_limit;  // wait, reset, close
};

struct PortPlan {
    std::string key;
    std::uint32_t row = 0;  // on the board
    std::string protocol;   // tcp, udp
    std::string address;    // empty: every address
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    std::uint32_t handler = 0;             // index in Plan::handlers
    std::vector<std::uint32_t> listeners;  // descriptor numbers, only where the router accepts
    AdmissionPlan admission;
};

struct ProcessPlan {
    std::uint32_t row = 0;  // on the board
    std::uint32_t slot = 0;
    std::uint32_t channel = 0;  // descriptor number; 0: none (inherit)
};

struct HandlerPlan {
    std::string name;
    std::uint32_t row = 0;
    std::string delivery;  // handoff, inherit
    std::string balance;
    bool on_demand = false;              // without a process: ask the keeper for one when a connection comes
    std::vector<ProcessPlan> processes;  // those that shall get new connections
};

struct Plan {
    std::uint64_t generation = 0;
    std::vector<HandlerPlan> handlers;
    std::vector<PortPlan> ports;
    std::vector<std::uint32_t> leaving;  // channels of processes that are alive and shall get no new connections
    std::vector<std::uint32_t> admin_listeners;
    std::uint32_t destroy_events = 0;  // descriptor number; 0: the kernel gave none
    bool log_connections = false;
    std::string log_level;
};

std::string to_json(const Plan& plan);
Plan plan_from_json(const std::string& text);  // throws: the keeper wrote it, so anything wrong is a defect

}  // namespace portier::delivery
