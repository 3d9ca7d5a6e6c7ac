#include "delivery/delivery.hpp"
#include "delivery/handoff/handoff.hpp"
#include "delivery/plan.hpp"
#include "delivery/relay/relay.hpp"
#include "delivery/spawn/spawn.hpp"
#include "metrics/board.hpp"

namespace portier::delivery {

std::optional<metrics::Rejected> Delivery::refuse(const net::Address&) const {
    return std::nullopt;
}

void Delivery::on_spawned_ended(const SpawnEnd&) {}

// The one list of deliveries in which the router accepts. `inherit` is absent on purpose: its processes accept, and so
// do those of inetd-wait.
std::unique_ptr<Delivery> make_delivery(const HandlerPlan& plan, const DeliveryContext& context) {
    if (plan.delivery == "handoff") return make_handoff(context);
    if (plan.delivery == "relay") return make_relay(context);
    if (plan.delivery == "spawn" && router_accepts(plan)) return make_spawn(context);
    return nullptr;
}

}  // namespace portier::delivery
