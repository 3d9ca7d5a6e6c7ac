// Delivery `handoff`: each accepted socket goes to one process of the pool over its channel, chosen by the balance
// rule; what a dead process had not taken goes to another one. Desk thread only.
#pragma once

#include "delivery/delivery.hpp"

namespace portier::delivery {

std::unique_ptr<Delivery> make_handoff(const DeliveryContext& context);

}  // namespace portier::delivery
