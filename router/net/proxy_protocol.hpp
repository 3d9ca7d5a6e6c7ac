// The PROXY protocol, versions 1 and 2: whom a proxy speaks for, in front of a connection's bytes or a flow's datagram.
// The specification is doc/proxy-protocol.txt of HAProxy. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "net/endpoint.hpp"

namespace portier::net {

struct ProxyAddresses {
    std::uint8_t protocol = IPPROTO_TCP;  // or IPPROTO_UDP
    Endpoint source;                      // the client
    Endpoint destination;                 // what it asked for

    bool operator==(const ProxyAddresses&) const = default;
};

inline constexpr std::size_t kMaxProxyV1 = 107;  // the specification's worst case, with CRLF
inline constexpr std::size_t kMaxProxyV2 =
    16 + 4096;  // ours: the specification allows 64 KiB, senders use some hundred
inline constexpr std::size_t kMaxUniqueId = 128;

// Addresses of two families are both written as IPv6. Version 1 has no word for UDP and says UNKNOWN.
std::vector<std::byte> encode_proxy_v1(const ProxyAddresses& addresses);
// An empty `unique_id` is left out; more than kMaxUniqueId bytes are cut.
std::vector<std::byte> encode_proxy_v2(const ProxyAddresses& addresses, std::span<const std::byte> unique_id = {});

struct ProxyHeader {
    enum class State { incomplete, complete, malformed };

    State state = State::incomplete;
    std::size_t size = 0;  // complete: bytes of the header; incomplete: needed in all, at least
    // Complete: none where the sender speaks for itself or names no address that we know.
    std::optional<ProxyAddresses> addresses = std::nullopt;
    const char* reason = "";  // malformed: for the log
};

// What `seen`, all bytes so far of a connection (or a whole datagram), begins with. A header is recognised by its
// version's first bytes; anything else is malformed, never data.
ProxyHeader parse_proxy(std::span<const std::byte> seen);

}  // namespace portier::net
