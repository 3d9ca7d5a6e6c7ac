// Delivery `spawn`: the keeper starts a process for each connection (keeper/spawner), within the handler's limits. Over
// max_processes connections wait in the kernel's queue, or are refused where the port says so. Desk thread only.
#pragma once

#include "delivery/delivery.hpp"

namespace portier::delivery {

std::unique_ptr<Delivery> make_spawn(const DeliveryContext& context);

}  // namespace portier::delivery
