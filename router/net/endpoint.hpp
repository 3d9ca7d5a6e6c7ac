// An address and a port, IPv4 or IPv6. IPv4-mapped IPv6 addresses are kept as IPv4, so that a client has one
// spelling whatever kind of socket it came through. Values only; any thread.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portier::net {

struct Address {
    std::uint8_t family = 4;               // 4 or 6
    std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 uses the first four, the rest is zero

    bool operator==(const Address&) const = default;
    auto operator<=>(const Address&) const = default;
};

struct Endpoint {
    Address address;
    std::uint16_t port = 0;  // host order

    bool operator==(const Endpoint&) const = default;
    auto operator<=>(const Endpoint&) const = default;
};

// A client as limits see it: an IPv4 address, or the /64 network of an IPv6 address (one customer, many addresses).
Address source_key(const Address& address);

// "10.0.0.1" or "::1" (without brackets); nothing else, no names.
std::optional<Address> parse_address(std::string_view text);

std::string to_string(const Address& address);
// "10.0.0.1:80", "[::1]:80"
std::string to_string(const Endpoint& endpoint);

// As an IPv6 address: IPv4 becomes ::ffff:a.b.c.d, and that becomes IPv4 again.
std::array<std::uint8_t, 16> as_ipv6(const Address& address);
Address from_ipv6(const std::array<std::uint8_t, 16>& bytes);

Endpoint from_sockaddr(const sockaddr_storage& storage);
// Returns the length for bind(2) and connect(2).
socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& storage);

}  // namespace portier::net
