#include "keeper/plan_builder.hpp"

#include <map>
#include <set>

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
    return {.backends = {},
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
                      .max_processes_per_source = handler.max_processes_per_source,
                      .running = {}}};
}

void name_flow_store(const FlowStore& store, delivery::PortPlan& plan, RouterOrder& order) {
    plan.flows.memory = store.memory.first;
    plan.flows.loopback_socket = store.loopback_socket.first;
    order.descriptors.emplace_back(store.memory.first, store.memory.second.get());
    order.descriptors.emplace_back(store.loopback_socket.first, store.loopback_socket.second.get());
}

// Whether the process behind this entry of `connect`, if it is ours, can be connected to: it is that of the same
// number, or any where all share one address.
bool is_served(const config::Handler& handler, std::size_t entry, const std::set<std::uint32_t>& ready) {
    if (handler.command.empty()) return true;
    return handler.connect.size() == 1 ? !ready.empty() : ready.contains(static_cast<std::uint32_t>(entry));
}

class OrderBuilder {
public:
    explicit OrderBuilder(const PlanInput& input) : input_(input) {}

    RouterOrder build() {
        for (const config::Handler& handler : input_.config.handlers) {
            handler_index_[handler.name] = static_cast<std::uint32_t>(plan_.handlers.size());
            delivery::HandlerPlan& plan = plan_.handlers.emplace_back(handler_plan(handler, input_.rows));
            if (input_.running) plan.spawn.running = input_.running(plan.row);
        }
        add_processes();
        for (std::size_t i = 0; i < plan_.handlers.size(); ++i) add_backends(i);
        for (const config::Port& port : input_.config.ports) add_port(port);
        add_others();
        return std::move(order_);
    }

private:
    void add_processes() {
        for (const Slot* slot : input_.slots) {
            if (!slot->process()) continue;
            const HandlerProcess& process = *slot->process();
            if (!slot->is_ready()) {
                plan_.leaving.push_back(process.channel_number());
                continue;
            }
            plan_.handlers[handler_index_.at(process.handler())].processes.push_back(
                {process.row(), process.slot(), process.channel_number()});
            if (process.channel() >= 0) order_.descriptors.emplace_back(process.channel_number(), process.channel());
        }
        for (const auto& process : input_.leaving) plan_.leaving.push_back(process->channel_number());
    }

    void add_backends(std::size_t index) {
        const config::Handler& handler = input_.config.handlers[index];
        delivery::HandlerPlan& plan = plan_.handlers[index];
        std::set<std::uint32_t> ready;
        for (const delivery::ProcessPlan& process : plan.processes) ready.insert(process.slot);
        for (BackendEntry& backend : backends_of(handler, input_.addresses)) {
            if (backend.plan.weight == 0 || !is_served(handler, backend.entry, ready)) continue;
            backend.plan.row = input_.rows.backend(backend.row_name);
            plan.relay.backends.push_back(std::move(backend.plan));
        }
    }

    void add_port(const config::Port& port) {
        const std::uint32_t index = handler_index_.at(port.handler);
        delivery::PortPlan plan{.key = port.key,
                                .row = input_.rows.port(port.key),
                                .protocol = config::to_string(port.protocol),
                                .address = port.address ? net::to_string(*port.address) : "",
                                .first = port.first,
                                .last = port.last,
                                .handler = index,
                                .listeners = {},
                                .admission = admission_plan(port),
                                .proxy = proxy_plan(port.proxy_protocol),
                                .idle_timeout_ms = milliseconds(port.idle_timeout),
                                .flows = flows_plan(port, input_.config.handlers[index])};
        if (config::router_accepts(input_.config.handlers[index]))
            for (const auto& socket : input_.sockets.of_port(port, 0)) plan.listeners.push_back(offer(*socket));
        if (const FlowStore* store = input_.sockets.flow_stores().of_port(port)) name_flow_store(*store, plan, order_);
        plan.flows.log = input_.config.router.log.connections;
        plan_.ports.push_back(std::move(plan));
    }

    std::uint32_t offer(const OpenSocket& socket) {
        order_.descriptors.emplace_back(socket.number, socket.fd.get());
        return socket.number;
    }

    void add_others() {
        if (const auto admin = input_.sockets.admin()) plan_.admin_listeners.push_back(offer(*admin));
        if (input_.destroy_events.first) {
            plan_.destroy_events = input_.destroy_events.first;
            order_.descriptors.push_back(input_.destroy_events);
        }
        const config::Router& router = input_.config.router;
        plan_.relay_threads = router.relay_threads;
        plan_.log_connections = router.log.connections;
        plan_.log_level = config::to_string(router.log.level);
    }

    const PlanInput& input_;
    RouterOrder order_;
    delivery::Plan& plan_ = order_.plan;
    std::map<std::string, std::uint32_t> handler_index_;
};

}  // namespace

RouterOrder build_order(const PlanInput& input) {
    return OrderBuilder(input).build();
}

}  // namespace portier::keeper
