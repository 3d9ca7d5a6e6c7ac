// Writes the plan for the router from the configuration in force and the processes that are ready. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "delivery/plan.hpp"
#include "keeper/backends.hpp"
#include "keeper/handler_process.hpp"
#include "keeper/rows.hpp"
#include "keeper/slot.hpp"
#include "keeper/socket_set.hpp"

namespace portier::keeper {

struct RouterOrder {
    delivery::Plan plan;
    std::vector<std::pair<std::uint32_t, int>> descriptors;  // everything that the plan names; not owned
};

struct PlanInput {
    const config::Config& config;
    const SocketSet& sockets;
    const std::vector<const Slot*>& slots;
    const std::list<std::unique_ptr<HandlerProcess>>& leaving;
    std::pair<std::uint32_t, int> destroy_events;  // number 0: none
    Rows& rows;
    const Addresses& addresses;  // of the names in `config`
    // Who serves a connection for the handler with this row (spawn).
    std::function<std::vector<delivery::RunningPlan>(std::uint32_t)> running = nullptr;
};

RouterOrder build_order(const PlanInput& input);

}  // namespace portier::keeper
