#include "delivery/delivery.hpp"
#include "delivery/handoff.hpp"
#include "delivery/plan.hpp"
#include "delivery/relay.hpp"

namespace portier::delivery {

// The one list of deliveries in which the router accepts. `inherit` is absent on purpose: its processes accept.
std::unique_ptr<Delivery> make_delivery(const HandlerPlan& plan, const DeliveryContext& context) {
    if (plan.delivery == "handoff") return make_handoff(context);
    if (plan.delivery == "relay") return make_relay(context);
    return nullptr;
}

}  // namespace portier::delivery
