#include "net/network.hpp"

#include <algorithm>

namespace portier::net {

bool contains(const Network& network, const Address& address) {
    if (network.address.family != address.family) return false;
    for (unsigned bit = 0; bit < network.prefix; bit += 8) {
        const unsigned left = std::min(8u, network.prefix - bit);
        const auto mask = static_cast<std::uint8_t>(0xff << (8 - left));
        if ((network.address.bytes[bit / 8] & mask) != (address.bytes[bit / 8] & mask)) return false;
    }
    return true;
}

bool contains(std::span<const Network> networks, const Address& address) {
    return std::any_of(networks.begin(), networks.end(), [&](const Network& n) { return contains(n, address); });
}

}  // namespace portier::net
