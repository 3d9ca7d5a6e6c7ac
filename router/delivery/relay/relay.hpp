// Delivery `relay`: the router connects to a backend and moves the bytes. The desk decides and counts; relay threads
// (delivery/relay/loop) connect and move.
#pragma once

#include <memory>

#include "delivery/delivery.hpp"

namespace portier::delivery {

std::unique_ptr<Delivery> make_relay(const DeliveryContext& context);

}  // namespace portier::delivery
