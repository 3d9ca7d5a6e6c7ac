#include "net/proxy_protocol.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include "net/proxy_protocol_v2.hpp"

namespace portier::net {

namespace {

constexpr std::string_view kPrefix = "PROXY ";
constexpr std::string_view kUnknown = "UNKNOWN";
constexpr std::size_t kShortestV1 = 15;  // PROXY UNKNOWN and CRLF

bool is_ipv4(const ProxyAddresses& addresses) {
    return addresses.source.address.family == 4 && addresses.destination.address.family == 4;
}

std::string text_of(const Address& address, bool ipv4) {
    return ipv4 || address.family == 6 ? to_string(address) : "::ffff:" + to_string(address);
}

void put_u16(std::vector<std::byte>& out, std::size_t value) {
    out.push_back(static_cast<std::byte>(value >> 8 & 0xff));
    out.push_back(static_cast<std::byte>(value & 0xff));
}

void put_address(std::vector<std::byte>& out, const Address& address, bool ipv4) {
    const auto bytes = ipv4 ? address.bytes : as_ipv6(address);
    const auto raw = std::as_bytes(std::span(bytes)).first(ipv4 ? 4 : 16);
    out.insert(out.end(), raw.begin(), raw.end());
}

ProxyHeader malformed(const char* reason) {
    return {.state = ProxyHeader::State::malformed, .reason = reason};
}

ProxyHeader incomplete(std::size_t needed) {
    return {.size = needed};
}

// "exactly one space": an empty word means that there were two. nullopt: no further word.
std::optional<std::string_view> next_word(std::optional<std::string_view>& rest) {
    if (!rest) return std::nullopt;
    const std::size_t space = rest->find(' ');
    const std::string_view word = rest->substr(0, space);
    if (space == std::string_view::npos)
        rest.reset();
    else
        rest->remove_prefix(space + 1);
    return word;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    const bool leading_zero = text.size() > 1 && text.front() == '0';
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (leading_zero || text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return port;
}

// The family is what the line says, not what the value is: ::ffff:a.b.c.d is written with colons and kept as IPv4.
std::optional<Address> parse_address_of(std::string_view text, bool ipv4) {
    const bool has_colon = text.find(':') != std::string_view::npos;
    return has_colon == ipv4 ? std::nullopt : parse_address(text);
}

ProxyHeader parse_v1_line(std::string_view line) {
    ProxyHeader header{.state = ProxyHeader::State::complete, .size = line.size() + 2};
    std::optional<std::string_view> rest = line.substr(kPrefix.size());
    const auto family = next_word(rest);
    if (family == kUnknown) return header;  // whatever follows it shall be ignored
    if (family != "TCP4" && family != "TCP6") return malformed("version 1: neither TCP4 nor TCP6 nor UNKNOWN");

    std::array<std::optional<std::string_view>, 4> words;
    for (auto& word : words) word = next_word(rest);
    if (!words.back() || rest) return malformed("version 1: not two addresses and two ports");
    const auto source = parse_address_of(*words[0], family == "TCP4");
    const auto destination = parse_address_of(*words[1], family == "TCP4");
    if (!source || !destination) return malformed("version 1: not an address of the family");
    const auto source_port = parse_port(*words[2]);
    const auto destination_port = parse_port(*words[3]);
    if (!source_port || !destination_port) return malformed("version 1: not a port");
    header.addresses = {IPPROTO_TCP, {*source, *source_port}, {*destination, *destination_port}};
    return header;
}

ProxyHeader parse_v1(std::string_view seen) {
    const std::string_view prefix = seen.substr(0, kPrefix.size());
    if (prefix != kPrefix.substr(0, prefix.size())) return malformed("no PROXY header");
    const std::size_t end = seen.substr(0, kMaxProxyV1).find("\r\n");
    if (end != std::string_view::npos) return parse_v1_line(seen.substr(0, end));
    if (seen.size() >= kMaxProxyV1) return malformed("version 1: no end of line in 107 bytes");
    const bool half_end = seen.ends_with('\r');
    return incomplete(std::max(kShortestV1, seen.size() + (half_end ? 1 : 2)));
}

}  // namespace

std::vector<std::byte> encode_proxy_v1(const ProxyAddresses& addresses) {
    std::string line = "PROXY UNKNOWN\r\n";
    if (addresses.protocol == IPPROTO_TCP) {
        const bool ipv4 = is_ipv4(addresses);
        line = std::string(ipv4 ? "PROXY TCP4 " : "PROXY TCP6 ") + text_of(addresses.source.address, ipv4) + " " +
               text_of(addresses.destination.address, ipv4) + " " + std::to_string(addresses.source.port) + " " +
               std::to_string(addresses.destination.port) + "\r\n";
    }
    const auto bytes = std::as_bytes(std::span(line));
    return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> encode_proxy_v2(const ProxyAddresses& addresses, std::span<const std::byte> unique_id) {
    const bool ipv4 = is_ipv4(addresses);
    unique_id = unique_id.first(std::min(unique_id.size(), kMaxUniqueId));
    const std::size_t tlvs = unique_id.empty() ? 0 : kProxyTlvHeader + unique_id.size();
    std::vector<std::byte> out(kProxyV2Signature.begin(), kProxyV2Signature.end());
    out.reserve(kProxyV2Fixed + 36 + tlvs);
    out.push_back(kProxyV2Proxy);
    out.push_back(static_cast<std::byte>((ipv4 ? 0x10 : 0x20) | (addresses.protocol == IPPROTO_UDP ? 2 : 1)));
    put_u16(out, (ipv4 ? 12 : 36) + tlvs);
    put_address(out, addresses.source.address, ipv4);
    put_address(out, addresses.destination.address, ipv4);
    put_u16(out, addresses.source.port);
    put_u16(out, addresses.destination.port);
    if (!unique_id.empty()) {
        out.push_back(kProxyUniqueId);
        put_u16(out, unique_id.size());
        out.insert(out.end(), unique_id.begin(), unique_id.end());
    }
    return out;
}

ProxyHeader parse_proxy(std::span<const std::byte> seen) {
    if (!seen.empty() && seen.front() == kProxyV2Signature.front()) return parse_proxy_v2(seen);
    return parse_v1({reinterpret_cast<const char*>(seen.data()), seen.size()});
}

}  // namespace portier::net
