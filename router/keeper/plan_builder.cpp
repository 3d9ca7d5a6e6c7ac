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

std::uint64_t milliseconds(config::Milliseconds time) {
    return static_cast<std::uint64_t>(time.count());
}

delivery::ProxyFromPlan proxy_plan(const config::ProxyFrom& proxy) {
    return {network_plans(proxy.from), milliseconds(proxy.timeout)};
}

delivery::FlowsPlan flows_plan(const config::Port& port, const config::Handler& handler) {
    return {.idle_ms = milliseconds(port.flow_idle),
            .max = port.max_flows.value_or(config::default_max_flows(handler.delivery)),
            .max_per_source = port.max_flows_per_source};
}

delivery::RelayPlan relay_plan(const config::Handler& handler) {
    delivery::RelayPlan plan{.backends = {},
                             .connect_timeout_ms = milliseconds(handler.connect_timeout),
                             .attempts = handler.attempts,
                             .fail_timeout_ms = milliseconds(handler.fail_timeout),
                             .health = {.interval_ms = milliseconds(handler.health.interval),
                                        .timeout_ms = milliseconds(handler.health.timeout),
                                        .rise = handler.health.rise,
                                        .fall = handler.health.fall},
                             .queue_max = handler.queue.max,
                             .queue_timeout_ms = milliseconds(handler.queue.timeout),
                             .source_address = handler.source_address ? net::to_string(*handler.source_address) : "",
                             .transparent = handler.transparent,
                             .proxy_protocol = handler.proxy_protocol ? config::to_string(*handler.proxy_protocol) : "",
                             .proxy_datagrams = config::to_string(handler.proxy_datagrams)};
    for (const config::Backend& backend : handler.connect)
        plan.backends.push_back({.row = 0,
                                 .name = backend.text,
                                 .address = backend.host,
                                 .port = backend.port,
                                 .path = backend.path,
                                 .weight = backend.weight,
                                 .backup = backend.backup,
                                 .max_connections = backend.max_connections});
    return plan;
}

delivery::HandlerPlan handler_plan(const config::Handler& handler, Rows& rows) {
    return {.name = handler.name,
            .row = rows.handler(handler.name),
            .delivery = config::to_string(handler.delivery),
            .balance = config::to_string(handler.balance),
            .on_demand = handler.start == config::Start::on_demand,
            .processes = {},
            .dialect = config::to_string(handler.dialect),
            .relay = relay_plan(handler),
            .spawn = {.style = config::to_string(handler.style),
                      .max_processes = handler.max_processes,
                      .max_processes_per_source = handler.max_processes_per_source}};
}

void name_flow_store(const FlowStore& store, delivery::PortPlan& plan, RouterOrder& order) {
    plan.flows.memory = store.memory.first;
    plan.flows.loopback_socket = store.loopback_socket.first;
    order.descriptors.emplace_back(store.memory.first, store.memory.second.get());
    order.descriptors.emplace_back(store.loopback_socket.first, store.loopback_socket.second.get());
}

}  // namespace

RouterOrder build_order(const PlanInput& input) {
    RouterOrder order;
    std::map<std::string, std::uint32_t> handler_index;
    for (const config::Handler& handler : input.config.handlers) {
        handler_index[handler.name] = static_cast<std::uint32_t>(order.plan.handlers.size());
        order.plan.handlers.push_back(handler_plan(handler, input.rows));
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
        const std::uint32_t index = handler_index.at(port.handler);
        delivery::PortPlan plan{.key = port.key,
                                .row = input.rows.port(port.key),
                                .protocol = config::to_string(port.protocol),
                                .address = port.address ? net::to_string(*port.address) : "",
                                .first = port.first,
                                .last = port.last,
                                .handler = index,
                                .listeners = {},
                                .admission = admission_plan(port),
                                .proxy = proxy_plan(port.proxy_protocol),
                                .idle_timeout_ms = milliseconds(port.idle_timeout),
                                .flows = flows_plan(port, input.config.handlers[index])};
        if (config::router_accepts(input.config.handlers[index])) {
            for (const auto& socket : input.sockets.of_port(port, 0)) {
                plan.listeners.push_back(socket->number);
                order.descriptors.emplace_back(socket->number, socket->fd.get());
            }
        }
        if (const FlowStore* store = input.sockets.flow_stores().of_port(port)) name_flow_store(*store, plan, order);
        plan.flows.log = input.config.router.log.connections;
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
    order.plan.relay_threads = input.config.router.relay_threads;
    order.plan.log_connections = input.config.router.log.connections;
    order.plan.log_level = config::to_string(input.config.router.log.level);
    return order;
}

}  // namespace portier::keeper
