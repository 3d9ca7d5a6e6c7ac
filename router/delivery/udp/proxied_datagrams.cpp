#include "delivery/udp/proxied_datagrams.hpp"

#include <algorithm>
#include <cstring>

#include "net/proxy_protocol.hpp"
#include "net/proxy_protocol_v2.hpp"

namespace portier::delivery {

std::optional<ProxiedDatagram> read_datagram(const net::Datagram& datagram, const net::Endpoint& asked, bool proxied) {
    const PackedEndpoint sender = pack(datagram.peer);
    const PackedEndpoint ours = pack(asked);
    ProxiedDatagram result{{sender, ours, sender, ours}, datagram.bytes};
    if (!proxied) return result;
    // Version 1 is for streams.
    if (datagram.bytes.empty() || datagram.bytes[0] != net::kProxyV2Signature[0]) return std::nullopt;
    const net::ProxyHeader header = net::parse_proxy(datagram.bytes);
    if (header.state != net::ProxyHeader::State::complete) return std::nullopt;
    result.bytes = datagram.bytes.subspan(header.size);
    if (!header.addresses) return result;  // the proxy speaks for itself
    if (header.addresses->protocol != IPPROTO_UDP) return std::nullopt;
    result.key.client = pack(header.addresses->source);
    result.key.destination = pack(header.addresses->destination);
    return result;
}

std::span<const std::byte> ProxyPrefixes::of(std::uint32_t flow, const FlowKey& key, std::uint32_t number) {
    Prefix& prefix = prefixes_[flow];
    if (prefix.number != number) {
        const auto bytes = net::encode_proxy_v2(
            {.protocol = IPPROTO_UDP, .source = unpack(key.client), .destination = unpack(key.destination)});
        prefix.number = number;
        prefix.size = static_cast<std::uint8_t>(std::min(bytes.size(), prefix.bytes.size()));
        std::memcpy(prefix.bytes.data(), bytes.data(), prefix.size);
    }
    return std::span(prefix.bytes).first(prefix.size);
}

}  // namespace portier::delivery
