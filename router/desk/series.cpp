#include "desk/series.hpp"

namespace portier::desk {

metrics::Series series_of(const delivery::Plan& plan) {
    metrics::Series series;
    for (const delivery::HandlerPlan& handler : plan.handlers) {
        series.handlers.push_back({.name = handler.name,
                                   .row = handler.row,
                                   .on_demand = handler.on_demand || handler.delivery == "spawn",
                                   .delivery = handler.delivery,
                                   .backends = {}});
        for (const delivery::BackendPlan& backend : handler.relay.backends)
            series.handlers.back().backends.push_back({backend.name, backend.row, backend.number});
    }
    for (const delivery::PortPlan& port : plan.ports) {
        const delivery::HandlerPlan& handler = plan.handlers[port.handler];
        series.ports.push_back({.port = port.key,
                                .protocol = port.protocol,
                                .handler = handler.name,
                                .delivery = handler.delivery,
                                .row = port.row,
                                .limit = port.protocol == "udp" ? port.flows.max : port.admission.max_connections,
                                .router_reads = port.protocol == "udp" && !port.listeners.empty()});
    }
    return series;
}

}  // namespace portier::desk
