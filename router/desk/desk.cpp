#include "desk/desk.hpp"

#include <set>

#include "base/log.hpp"

namespace portier::desk {

namespace {

bool has_flows(const delivery::PortPlan& port, const delivery::Plan& plan) {
    return port.protocol == "udp" && plan.handlers[port.handler].delivery == "handoff";
}

// A port of flows has its own word for the limit.
delivery::AdmissionPlan admission_of(const delivery::PortPlan& port) {
    delivery::AdmissionPlan plan = port.admission;
    if (port.protocol == "udp") plan.max_connections_per_source = port.flows.max_per_source;
    return plan;
}

}  // namespace

Desk::Desk(boost::asio::io_context& io, metrics::Board& board, Events events)
    : io_(io),
      board_(board),
      events_(std::move(events)),
      relay_ends_(board),
      gate_(io, board,
            [this](std::uint32_t listener, std::vector<delivery::Accepted> passed) {
                listeners_.at(listener)->passed_gate(std::move(passed));
            }),
      relay_threads_(io),
      idle_timer_(io),
      patience_(io) {}

Desk::~Desk() {
    // Before those go whose connections and datagrams they move.
    relay_threads_.stop();
    udp_threads_.stop();
}

void Desk::apply(const delivery::Plan& plan, delivery::Descriptors& descriptors) {
    // First, while the processes of a handler that is dropped too can still take what waits.
    drop_listeners(plan);
    const auto dropped = drop_flow_ports(plan);
    const auto flow_sockets = share_flow_sockets(plan, descriptors);
    relay_ends_.apply(plan);
    apply_handlers(plan, descriptors);
    serve_datagrams(plan, descriptors);
    std::set<std::uint32_t> rows;
    for (const delivery::PortPlan& port : plan.ports) {
        if (port.listeners.empty() || is_read_by_delivery(port, plan)) continue;
        PortState& state = apply_port(port, handlers_.at(plan.handlers[port.handler].name));
        if (has_flows(port, plan))
            apply_flow_ports(port, state, flow_sockets);
        else
            apply_listeners(port, state, descriptors);
        rows.insert(port.row);
    }
    std::erase_if(ports_, [&](const auto& item) { return !rows.contains(item.first); });
    std::erase_if(leaving_, [](const auto& delivery) { return delivery->idle(); });
    for (auto& [number, listener] : listeners_) listener->resume();
    for (auto& [number, port] : flow_ports_) port->resume();
}

void Desk::drop_listeners(const delivery::Plan& plan) {
    std::set<std::uint32_t> kept;
    for (const delivery::PortPlan& port : plan.ports) kept.insert(port.listeners.begin(), port.listeners.end());
    std::erase_if(listeners_, [&](const auto& item) {
        if (kept.contains(item.first)) return false;
        item.second->finish();
        return true;
    });
}

// They live on until the plan is in force: a socket that comes to another delivery is not closed on the way. One that
// comes to another port, because its range was split, is finished with the one before, which knows what waits.
std::vector<std::unique_ptr<FlowPort>> Desk::drop_flow_ports(const delivery::Plan& plan) {
    std::map<std::uint32_t, std::uint32_t> kept;  // row of the port, by descriptor number
    for (const delivery::PortPlan& port : plan.ports)
        if (has_flows(port, plan))
            for (const std::uint32_t number : port.listeners) kept[number] = port.row;
    std::vector<std::unique_ptr<FlowPort>> dropped;
    for (auto& [number, port] : flow_ports_) {
        const auto row = kept.find(number);
        if (row != kept.end() && row->second == port->port().row_number) continue;
        port->finish();
        if (row == kept.end()) dropped.push_back(std::move(port));
    }
    std::erase_if(flow_ports_, [](const auto& item) { return !item.second; });
    return dropped;
}

Desk::SharedSockets Desk::share_flow_sockets(const delivery::Plan& plan, delivery::Descriptors& descriptors) {
    SharedSockets sockets;
    for (const delivery::PortPlan& port : plan.ports)
        if (has_flows(port, plan))
            for (const std::uint32_t number : port.listeners) sockets[number] = descriptors.share(number);
    return sockets;
}

void Desk::apply_handlers(const delivery::Plan& plan, delivery::Descriptors& descriptors) {
    const std::set<std::uint32_t> leaving(plan.leaving.begin(), plan.leaving.end());
    alive_ = plan.leaving;
    for (const delivery::HandlerPlan& handler : plan.handlers)
        for (const delivery::ProcessPlan& process : handler.processes) alive_.push_back(process.channel);
    std::map<std::string, Handler> before;
    before.swap(handlers_);
    by_row_.clear();
    for (const delivery::HandlerPlan& wanted : plan.handlers) {
        const auto present = before.find(wanted.name);
        const bool stays = present != before.end() && present->second.kind == wanted.delivery &&
                           bool(present->second.delivery) == delivery::router_accepts(wanted);
        Handler& handler = handlers_[wanted.name];
        if (stays) {
            handler = std::move(present->second);
            before.erase(present);
        } else {
            if (wanted.delivery == "relay") relay_threads_.start(plan.relay_threads);
            handler = {wanted.delivery, make_delivery(wanted), {}};
        }
        if (!handler.delivery) continue;
        by_row_[wanted.row] = handler.delivery.get();
        handler.delivery->update(wanted, leaving, descriptors);
    }
    for (auto& [name, handler] : before)
        if (handler.delivery) leaving_.push_back(std::move(handler.delivery));
    for (auto& delivery : leaving_) delivery->update({}, leaving, descriptors);
}

std::unique_ptr<delivery::Delivery> Desk::make_delivery(const delivery::HandlerPlan& handler) {
    const auto on_ended = [this](const delivery::Ended& ended) {
        relay_ends_.count(ended);
        connection_ended(ended.accepted.port_row, ended.accepted.remote.address);
    };
    return delivery::make_delivery(handler, {.io = io_,
                                             .board = board_,
                                             .closer = closer_,
                                             .on_room = [this, name = handler.name] { resume_starved(name); },
                                             .on_broken = events_.broken,
                                             .on_demand = events_.demand,
                                             .on_ended = on_ended,
                                             .on_spawn = events_.spawn,
                                             .relay_threads = &relay_threads_,
                                             .udp_threads = &udp_threads_});
}

bool Desk::is_read_by_delivery(const delivery::PortPlan& port, const delivery::Plan& plan) const {
    const auto& delivery = handlers_.at(plan.handlers[port.handler].name).delivery;
    return port.protocol == "udp" && delivery && delivery->reads_datagrams();
}

void Desk::serve_datagrams(const delivery::Plan& plan, delivery::Descriptors& descriptors) {
    // A port that comes to another handler is not without an owner meanwhile.
    std::vector<std::shared_ptr<Fd>> kept;
    for (const delivery::PortPlan& port : plan.ports)
        if (is_read_by_delivery(port, plan))
            for (const std::uint32_t number : port.listeners) kept.push_back(descriptors.share(number));
    if (!kept.empty()) udp_threads_.start(plan.relay_threads);
    // First all let go: the flows of a port that comes to another handler have ended when that one takes it over.
    bool let_go = false;
    for (auto& delivery : leaving_) let_go |= delivery->keep_udp_ports({});
    std::map<delivery::Delivery*, std::vector<delivery::PortPlan>> readers;
    for (auto& [name, handler] : handlers_) {
        if (!handler.delivery || !handler.delivery->reads_datagrams()) continue;
        auto& ports = readers[handler.delivery.get()];
        std::set<std::uint32_t> rows;
        for (const delivery::PortPlan& port : plan.ports) {
            if (port.protocol != "udp" || plan.handlers[port.handler].name != name) continue;
            ports.push_back(port);
            rows.insert(port.row);
        }
        let_go |= handler.delivery->keep_udp_ports(rows);
    }
    if (let_go) udp_threads_.finish_posted();
    for (auto& delivery : leaving_) delivery->serve_datagrams({}, descriptors);
    for (const auto& [delivery, ports] : readers) delivery->serve_datagrams(ports, descriptors);
    descriptors.forget_ended();
}

PortState& Desk::apply_port(const delivery::PortPlan& plan, Handler& handler) {
    PortState& port = ports_[plan.row];
    port.row_number = plan.row;
    port.row = &board_.ports[plan.row];
    port.delivery = handler.delivery.get();
    port.starved = &handler.starved;
    port.idle_timeout_ms = plan.idle_timeout_ms;
    if (port.admission)
        port.admission->update(admission_of(plan));
    else
        port.admission = std::make_unique<Admission>(admission_of(plan));
    port.proxy = {delivery::networks_of(plan.proxy.from), std::chrono::milliseconds(plan.proxy.timeout_ms)};
    return port;
}

// A listener that stays may have come to another port: its range was split, or has another name now.
void Desk::apply_listeners(const delivery::PortPlan& plan, PortState& port, delivery::Descriptors& descriptors) {
    for (const std::uint32_t number : plan.listeners) {
        const auto present = listeners_.find(number);
        if (present != listeners_.end()) {
            present->second->set_port(port);
        } else if (Fd socket = descriptors.take(number)) {
            listeners_[number] = std::make_unique<Listener>(io_, number, std::move(socket), port, gate_);
        }
    }
}

void Desk::apply_flow_ports(const delivery::PortPlan& plan, PortState& port, const SharedSockets& sockets) {
    if (port.flows) {
        port.flows->update(plan);
    } else {
        port.flows = std::make_unique<Flows>(plan, *port.row);
        // What processes have from a router before us counts for the limit per source, too.
        std::map<net::Address, std::uint64_t> sources;
        for (const auto& [flow, cookie] : port.flows->handed()) ++sources[source_key(flow.remote.address)];
        port.admission->found(sources);
    }
    for (const std::uint32_t number : plan.listeners) {
        const auto present = flow_ports_.find(number);
        if (present != flow_ports_.end())
            present->second->set_port(port);
        else if (const auto& socket = sockets.at(number))
            flow_ports_[number] = std::make_unique<FlowPort>(io_, reader_, number, socket, port);
    }
}

void Desk::resume_starved(const std::string& handler) {
    const auto found = handlers_.find(handler);
    if (found == handlers_.end()) return;
    for (const std::uint32_t number : std::exchange(found->second.starved, {})) resume(number);
}

void Desk::resume(std::uint32_t number) {
    const auto listener = listeners_.find(number);
    if (listener != listeners_.end()) listener->second->resume();
    const auto port = flow_ports_.find(number);
    if (port != flow_ports_.end()) port->second->resume();
}

void Desk::flow_ended(std::uint32_t port_row, std::uint64_t cookie) {
    const auto found = ports_.find(port_row);
    if (found == ports_.end() || !found->second.flows) return;
    PortState& port = found->second;
    if (const auto flow = port.flows->remove_handed(cookie)) port.admission->ended(flow->remote.address);
    for (const std::uint32_t number : std::exchange(port.flows->blocked, {})) resume(number);
}

void Desk::connection_ended(std::uint32_t port_row, const net::Address& source) {
    const auto found = ports_.find(port_row);
    if (found != ports_.end()) found->second.admission->ended(source);
}

void Desk::spawned_ended(const delivery::SpawnEnd& end) {
    const auto found = by_row_.find(end.handler);
    if (found != by_row_.end()) found->second->on_spawned_ended(end);
}

void Desk::sources_found(std::uint32_t port_row, const std::map<net::Address, std::uint64_t>& more) {
    const auto found = ports_.find(port_row);
    if (found != ports_.end()) found->second.admission->found(more);
}

void Desk::sources_counted(std::uint32_t port_row, const std::map<net::Address, std::uint64_t>& living) {
    const auto found = ports_.find(port_row);
    if (found != ports_.end()) found->second.admission->recount(living);
}

void Desk::stop(std::chrono::milliseconds patience, std::function<void()> done) {
    patience_.set(patience, [this] {
        for (const auto& delivery : leaving_) delivery->end();
    });
    if (std::exchange(on_stopped_, std::move(done))) return;
    delivery::Plan nothing;
    nothing.leaving = alive_;
    delivery::Descriptors none;
    apply(nothing, none);
    wait_until_idle();
}

// What is under way to a process is taken within milliseconds; a process that does not is the keeper's business.
void Desk::wait_until_idle() {
    std::erase_if(leaving_, [](const auto& delivery) { return delivery->idle(); });
    if (leaving_.empty()) {
        patience_.cancel();
        return std::exchange(on_stopped_, nullptr)();
    }
    idle_timer_.expires_after(std::chrono::milliseconds(5));
    idle_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) wait_until_idle();
    });
}

}  // namespace portier::desk
