// The PROXY protocol around the datagrams of flows: what a trusted proxy puts before each of them, and what we put
// before those for a backend (net/proxy_protocol). The port's thread only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "delivery/udp/flow_table.hpp"
#include "net/datagrams.hpp"

namespace portier::delivery {

enum class ProxySending { none, first, every };

struct ProxiedDatagram {
    FlowKey key;
    std::span<const std::byte> bytes;
};

// `proxied`: the sender is one of those that put a header before every datagram. nullopt: the header is missing or
// wrong. What comes without one by right is returned as it is; `asked` is ours.
std::optional<ProxiedDatagram> read_datagram(const net::Datagram& datagram, const net::Endpoint& asked, bool proxied);

// The headers of the living flows, each made once: its bytes stay the same.
class ProxyPrefixes {
public:
    // For so many flows; 0: none are sent.
    void resize(std::size_t flows) { prefixes_.resize(flows); }
    std::span<const std::byte> of(std::uint32_t flow, const FlowKey& key, std::uint32_t number);

private:
    struct Prefix {
        std::uint32_t number = 0;  // of the flow that it was made for
        std::uint8_t size = 0;
        std::array<std::byte, 52> bytes;
    };
    std::vector<Prefix> prefixes_;
};

}  // namespace portier::delivery
