// A network as the configuration names it: an address and how many of its bits count. Values only; any thread.
#pragma once

#include <span>

#include "net/endpoint.hpp"

namespace portier::net {

struct Network {
    Address address;
    unsigned prefix = 0;
};

// Of the same family, and its first `prefix` bits are the same.
bool contains(const Network& network, const Address& address);
bool contains(std::span<const Network> networks, const Address& address);  // one of them does

}  // namespace portier::net
