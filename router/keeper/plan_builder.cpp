#include "keeper/plan_builder.hpp"

#include <map>

namespace portier::keeper {

namespace {

delivery::RatePlan rate_plan(const std::optional<config::Rate>& rate) {
    if (!rate) return {};
    return {rate->count, static_cast<std::uint64_t>(rate->period.count())};
}

std::vector<delivery::NetworkPlan> network_plans(const std::vector<config::Network>& networks) {
    std::vector<delivery::NetworkPlan> result;
    for (const config::Network& network : networks) result.push_back({net::to_string(network.address), network.prefix});
    return result;
}

delivery::AdmissionPlan admission_plan(const config::Port& port) {
    return {.max_connections = port.max_connections,
            .max_connections_per_source = port.max_connections_per_source,
            .accept_rate = rate_plan(port.accept_rate),
            .accept_rate_per_source = rate_plan(port.accept_rate_per_source),
            .allow = network_plans(port.allow),
            .deny = network_plans(port.deny),
            .over_limit = config::to_string(port.over_limit)};
}

}  // namespace

RouterOrder build_order(const PlanInput& input) {
    RouterOrder order;
    std::map<std::string, std::uint32_t> handler_index;
    for (const config::Handler& handler : input.config.handlers) {
        handler_index[handler.name] = static_cast<std::uint32_t>(order.plan.handlers.size());
        order.plan.handlers.push_back({.name = handler.name,
                                       .row = input.rows.handler(handler.name),
                                       .delivery = config::to_string(handler.delivery),
                                       .balance = config::to_string(handler.balance),
                                       .on_demand = handler.start == config::Start::on_demand,
                                       .processes = {}});
    }
    for (const Slot* slot : input.slots) {
        if (!slot->process()) continue;
        const HandlerProcess& process = *slot->process();
        if (!slot->is_ready()) {
            order.plan.leaving.push_back(process.channel_number());
            continue;
        }
        order.plan.handlers[handler_index.at(process.handler())].processes.push_back(
            {process.row(), process.slot(), process.channel_number()});
        if (process.channel() >= 0) order.descriptors.emplace_back(process.channel_number(), process.channel());
    }
    for (const auto& process : input.leaving) order.plan.leaving.push_back(process->channel_number());
    for (const config::Port& port : input.config.ports) {
        delivery::PortPlan plan{.key = port.key,
                                .row = input.rows.port(port.key),
                                .protocol = config::to_string(port.protocol),
                                .address = port.address ? net::to_string(*port.address) : "",
                                .first = port.first,
                                .last = port.last,
                                .handler = handler_index.at(port.handler),
                                .listeners = {},
                                .admission = admission_plan(port)};
        if (order.plan.handlers[plan.handler].delivery == "handoff") {
            for (const auto& socket : input.sockets.of_port(port, 0)) {
                plan.listeners.push_back(socket->number);
                order.descriptors.emplace_back(socket->number, socket->fd.get());
            }
        }
        order.plan.ports.push_back(std::move(plan));
    }
    if (const auto admin = input.sockets.admin()) {
        order.plan.admin_listeners.push_back(admin->number);
        order.descriptors.emplace_back(admin->number, admin->fd.get());
    }
    if (input.destroy_events.first) {
        order.plan.destroy_events = input.destroy_events.first;
        order.descriptors.push_back(input.destroy_events);
    }
    order.plan.log_connections = input.config.router.log.connections;
    order.plan.log_level = config::to_string(input.config.router.log.level);
    return order;
}

}  // namespace portier::keeper
