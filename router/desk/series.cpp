#include "desk/series.hpp"

namespace portier::desk {

metrics::Series series_of(const delivery::Plan& plan) {
    metrics::Series series;
    for (const delivery::HandlerPlan& handler : plan.handlers)
        series.handlers.push_back({.name = handler.name, .row = handler.row, .on_demand = handler.on_demand});
    for (const delivery::PortPlan& port : plan.ports) {
        const delivery::HandlerPlan& handler = plan.handlers[port.handler];
        series.ports.push_back({.port = port.key,
                                .protocol = port.protocol,
                                .handler = handler.name,
                                .delivery = handler.delivery,
                                .row = port.row,
                                .limit = port.admission.max_connections});
    }
    return series;
}

}  // namespace portier::desk
