#include "desk/desk.hpp"

#include <set>

#include "base/log.hpp"

namespace portier::desk {

Desk::Desk(boost::asio::io_context& io, metrics::Board& board, std::function<void(std::uint32_t)> on_demand)
    : io_(io), board_(board), on_demand_(std::move(on_demand)), idle_timer_(io) {}

void Desk::apply(const delivery::Plan& plan, delivery::Descriptors& descriptors) {
    // Ports first let go of what is dropped, while its handler's processes can still take it.
    std::set<std::uint32_t> kept_rows;
    std::set<std::uint32_t> kept_listeners;
    for (const delivery::PortPlan& port : plan.ports) {
        kept_rows.insert(port.row);
        kept_listeners.insert(port.listeners.begin(), port.listeners.end());
    }
    for (auto& [row, port] : ports_) {
        for (auto& [number, listener] : port.listeners)
            if (!kept_listeners.contains(number)) listener->finish();
        std::erase_if(port.listeners, [&](const auto& item) { return !kept_listeners.contains(item.first); });
    }
    std::erase_if(ports_, [&](const auto& item) { return !kept_rows.contains(item.first); });

    apply_handlers(plan, descriptors);
    for (const delivery::PortPlan& port : plan.ports)
        if (!port.listeners.empty()) apply_port(port, plan.handlers[port.handler].name, descriptors);
    std::erase_if(leaving_, [](const auto& delivery) { return delivery->idle(); });
    resume_all();
}

void Desk::apply_handlers(const delivery::Plan& plan, delivery::Descriptors& descriptors) {
    std::set<std::string> wanted;
    for (const delivery::HandlerPlan& handler : plan.handlers) {
        wanted.insert(handler.name);
        auto& delivery = deliveries_[handler.name];
        if (!delivery) delivery = delivery::make_delivery(handler, {io_, board_, [this] { resume_all(); }, on_demand_});
        if (delivery) delivery->update(handler, descriptors);
    }
    for (auto& [name, delivery] : deliveries_) {
        if (wanted.contains(name) || !delivery) continue;
        delivery::HandlerPlan nobody;
        nobody.balance = "round-robin";
        delivery->update(nobody, descriptors);
        leaving_.push_back(std::move(delivery));
    }
    std::erase_if(deliveries_, [](const auto& item) { return !item.second; });
}

void Desk::apply_port(const delivery::PortPlan& plan, const std::string& handler, delivery::Descriptors& descriptors) {
    Port& port = ports_[plan.row];
    port.state.row_number = plan.row;
    port.state.row = &board_.ports[plan.row];
    port.state.delivery = deliveries_.at(handler).get();
    if (port.state.admission)
        port.state.admission->update(plan.admission);
    else
        port.state.admission = std::make_unique<Admission>(plan.admission);
    for (const std::uint32_t number : plan.listeners) {
        if (port.listeners.contains(number)) continue;
        if (Fd socket = descriptors.take(number))
            port.listeners[number] = std::make_unique<Listener>(io_, std::move(socket), port.state);
    }
}

void Desk::resume_all() {
    for (auto& [row, port] : ports_)
        for (auto& [number, listener] : port.listeners) listener->resume();
}

void Desk::connection_ended(std::uint32_t port_row, const net::Address& source) {
    const auto found = ports_.find(port_row);
    if (found != ports_.end()) found->second.state.admission->ended(source);
}

void Desk::sources_found(std::uint32_t port_row, const std::map<net::Address, std::uint64_t>& more) {
    const auto found = ports_.find(port_row);
    if (found != ports_.end()) found->second.state.admission->found(more);
}

void Desk::sources_counted(std::uint32_t port_row, const std::map<net::Address, std::uint64_t>& living) {
    const auto found = ports_.find(port_row);
    if (found != ports_.end()) found->second.state.admission->recount(living);
}

void Desk::stop(std::function<void()> done) {
    on_stopped_ = std::move(done);
    for (auto& [row, port] : ports_)
        for (auto& [number, listener] : port.listeners) listener->finish();
    ports_.clear();
    delivery::Descriptors none;
    apply_handlers({}, none);
    wait_until_idle();
}

// What is under way is taken within milliseconds; a process that does not is the keeper's business.
void Desk::wait_until_idle() {
    std::erase_if(leaving_, [](const auto& delivery) { return delivery->idle(); });
    if (leaving_.empty()) return on_stopped_();
    idle_timer_.expires_after(std::chrono::milliseconds(5));
    idle_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) wait_until_idle();
    });
}

}  // namespace portier::desk
