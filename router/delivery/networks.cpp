#include "delivery/networks.hpp"

#include <algorithm>

#include "delivery/plan.hpp"

namespace portier::delivery {

namespace {

bool same_network(const net::Address& a, const net::Address& b, unsigned prefix) {
    if (a.family != b.family) return false;
    for (unsigned bit = 0; bit < prefix; bit += 8) {
        const unsigned left = std::min(8u, prefix - bit);
        const auto mask = static_cast<std::uint8_t>(0xff << (8 - left));
        if ((a.bytes[bit / 8] & mask) != (b.bytes[bit / 8] & mask)) return false;
    }
    return true;
}

}  // namespace

Networks::Networks(const std::vector<NetworkPlan>& plan) {
    for (const NetworkPlan& network : plan)
        if (const auto address = net::parse_address(network.address)) networks_.push_back({*address, network.prefix});
}

bool Networks::contains(const net::Address& address) const {
    return std::any_of(networks_.begin(), networks_.end(),
                       [&](const Network& network) { return same_network(network.address, address, network.prefix); });
}

}  // namespace portier::delivery
