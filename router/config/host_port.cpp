#include "config/host_port.hpp"

#include <fmt/format.h>

#include "config/source.hpp"

namespace portier::config {

namespace {

// bind(2) refuses them without a zone (ipv6(7), sin6_scope_id).
bool needs_zone(const net::Address& address) {
    const bool link_local = address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
    const bool near_group = address.bytes[0] == 0xff && (address.bytes[1] & 0x0f) <= 2;
    return address.family == 6 && (link_local || near_group);
}

}  // namespace

Parsed<HostAndPort> split_host_port(std::string_view text) {
    if (text.starts_with('[')) {
        const std::size_t end = text.find("]:");
        if (end == std::string_view::npos) return {{}, "has no \"]:\" after its address", "the form is [::1]:80"};
        return {HostAndPort{text.substr(1, end - 1), text.substr(end + 2), true}};
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return {HostAndPort{{}, text, false}};
    const std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (host.find(':') != std::string_view::npos)
        return {{}, "has an IPv6 address without brackets", fmt::format("expected the form [{}]:{}", host, port)};
    return {HostAndPort{host, port, false}};
}

Parsed<net::Address> parse_host(const HostAndPort& parts) {
    const std::string_view host = parts.host;
    const std::size_t zone = host.find('%');
    if (zone != std::string_view::npos)
        return {{},
                fmt::format("has the zone {}", in_quotes(host.substr(zone))),
                "addresses with a zone are not supported"};
    const auto address = net::parse_address(host);
    if (parts.brackets && host.find(':') == std::string_view::npos)
        return {{}, "has brackets around something else than an IPv6 address"};
    if (address && needs_zone(*address))
        return {{},
                fmt::format("has the address {}, which means nothing without a zone", net::to_string(*address)),
                "addresses with a zone are not supported"};
    if (address) return {*address};
    if (host == "*" || host.empty()) return {{}, "has no address before its colon", "for every address leave it out"};
    return {{},
            fmt::format("does not begin with an IP address ({})", in_quotes(host)),
            "names are not looked up; write an address such as 127.0.0.1 or [::1]"};
}

Parsed<std::uint16_t> parse_port(std::string_view text) {
    const Parsed<std::uint64_t> number = parse_integer(text);
    if (number.value && *number.value >= 1 && *number.value <= 65535)
        return {static_cast<std::uint16_t>(*number.value)};
    return {{}, fmt::format("has the port {}", in_quotes(text)), "a port is a number from 1 to 65535"};
}

}  // namespace portier::config
