#include "desk/port_index.hpp"

#include <algorithm>

namespace portier::desk {

namespace {

// How exactly a port's address names this one: itself, all of its family (0.0.0.0, [::]), every address; 0: not at all.
int fit_of(const std::optional<net::Address>& port, const net::Address& local) {
    if (!port) return 1;
    if (*port == local) return 3;
    return *port == net::Address{.family = local.family, .bytes = {}} ? 2 : 0;
}

}  // namespace

void PortIndex::assign(const delivery::Plan& plan, const std::string& protocol) {
    ports_.clear();
    by_number_.clear();
    std::vector<net::PortInterval> all, held, inherited;
    for (const delivery::PortPlan& port : plan.ports) {
        if (port.protocol != protocol) continue;
        const delivery::HandlerPlan& handler = plan.handlers[port.handler];
        const bool router_accepts = delivery::router_accepts(handler);
        const bool single = !router_accepts && handler.processes.size() == 1;
        ports_.push_back({.key = port.key,
                          .handler = handler.name,
                          .delivery = handler.delivery,
                          .row = port.row,
                          .interval = {port.first, port.last},
                          .only_process = single ? handler.processes.front().row : 0,
                          .address = net::parse_address(port.address),
                          .counts_sources = port.admission.max_connections_per_source > 0,
                          .router_accepts = router_accepts});
        for (unsigned number = port.first; number <= port.last; ++number)
            by_number_.emplace(static_cast<std::uint16_t>(number), ports_.size() - 1);
        all.push_back({port.first, port.last});
        if (handler.delivery != "relay") held.push_back({port.first, port.last});
        if (!router_accepts) inherited.push_back({port.first, port.last});
    }
    intervals_ = net::merge_intervals(std::move(all));
    held_by_processes_ = net::merge_intervals(std::move(held));
    inherited_ = net::merge_intervals(std::move(inherited));
}

const PortIndex::Port* PortIndex::find(const net::Endpoint& local) const {
    const Port* best = nullptr;
    int best_fit = 0;
    const auto [begin, end] = by_number_.equal_range(local.port);
    for (auto item = begin; item != end; ++item) {
        const Port& port = ports_[item->second];
        const int fit = fit_of(port.address, local.address);
        if (fit > best_fit) best = &port;
        best_fit = std::max(fit, best_fit);
    }
    return best;
}

}  // namespace portier::desk
