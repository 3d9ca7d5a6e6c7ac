#include "config/port_key.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/slips.hpp"
#include "config/source.hpp"

namespace portier::config {

namespace {

constexpr const char* kForm = "the form is [address:]port[-port]/protocol, as in 7001/tcp or [::1]:9418/tcp";
constexpr const char* kPortRange = "a port is a number from 1 to 65535";

struct HostAndPort {
    std::string_view host;  // empty: none was written
    std::string_view port;
    bool brackets = false;
};

// Splits "port", "1.2.3.4:port" and "[::1]:port"; more colons than that are an IPv6 address without brackets.
Parsed<HostAndPort> split(std::string_view text) {
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
    return {{}, fmt::format("has the port {}", in_quotes(text)), kPortRange};
}

struct Range {
    std::uint16_t first;
    std::uint16_t last;
};

Parsed<Range> parse_range(std::string_view text) {
    // A minus at the start is a sign and no range.
    const std::size_t dash = text.find('-', 1);
    const auto first = parse_port(text.substr(0, dash));
    if (!first.value) return {{}, first.problem, first.hint};
    if (dash == std::string_view::npos) return {Range{*first.value, *first.value}};
    const auto last = parse_port(text.substr(dash + 1));
    if (!last.value) return {{}, last.problem, last.hint};
    if (*last.value >= *first.value) return {Range{*first.value, *last.value}};
    return {{},
            fmt::format("has a range that ends before it begins ({}-{})", *first.value, *last.value),
            fmt::format("expected {}-{}", *last.value, *first.value)};
}

// The bits of `address` beyond `prefix` set to zero.
net::Address masked(net::Address address, unsigned prefix) {
    for (unsigned bit = prefix; bit < 128; ++bit)
        address.bytes[bit / 8] = static_cast<std::uint8_t>(address.bytes[bit / 8] & ~(0x80U >> bit % 8));
    return address;
}

}  // namespace

Parsed<PortKey> parse_port_key(std::string_view text) {
    const std::size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) {
        const bool port = parse_port(text).value.has_value();
        return {{}, "has no protocol", port ? fmt::format("expected {0}/tcp or {0}/udp", text) : std::string(kForm)};
    }
    const std::string_view protocol = text.substr(slash + 1);
    if (const std::string slip = missing_blank(protocol); protocol.find(':') == 3 && !slip.empty())
        return {{}, "has no value", missing_blank(text)};
    if (protocol != "tcp" && protocol != "udp")
        return {{}, fmt::format("has the protocol {}", in_quotes(protocol)), "the protocols are tcp and udp"};
    const auto parts = split(text.substr(0, slash));
    if (!parts.value) return {{}, parts.problem, parts.hint};
    PortKey key;
    key.protocol = protocol == "tcp" ? Protocol::tcp : Protocol::udp;
    if (slash > parts.value->port.size()) {
        const auto address = parse_host(*parts.value);
        if (!address.value) return {{}, address.problem, address.hint};
        key.address = address.value;
    }
    const auto range = parse_range(parts.value->port);
    if (!range.value) return {{}, range.problem, range.hint};
    key.first = range.value->first;
    key.last = range.value->last;
    return {key};
}

Parsed<net::Endpoint> parse_listen(std::string_view text) {
    const auto parts = split(text);
    if (!parts.value) return {{}, parts.problem, parts.hint};
    if (parts.value->port.size() == text.size())
        return {{}, "is not an address and a port", "the form is 127.0.0.1:7000 or [::1]:7000"};
    const auto address = parse_host(*parts.value);
    if (!address.value) return {{}, address.problem, address.hint};
    const auto port = parse_port(parts.value->port);
    if (!port.value) return {{}, port.problem, port.hint};
    return {net::Endpoint{*address.value, *port.value}};
}

Parsed<Network> parse_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = net::parse_address(text.substr(0, slash));
    if (!address) return {{}, "is not an IP address or network", "the form is 10.0.0.0/8, fd00::/8 or one address"};
    const unsigned most = address->family == 4 ? 32 : 128;
    if (slash == std::string_view::npos) return {Network{*address, most}};
    const Parsed<std::uint64_t> prefix = parse_integer(text.substr(slash + 1));
    if (!prefix.value || *prefix.value > most) {
        return {{},
                fmt::format("has the prefix length {}", in_quotes(text.substr(slash + 1))),
                fmt::format("of IPv{} it is 0 to {}", address->family, most)};
    }
    const Network network{masked(*address, static_cast<unsigned>(*prefix.value)), static_cast<unsigned>(*prefix.value)};
    if (network.address == *address) return {network};
    return {{}, "has bits set beyond its prefix", fmt::format("expected {}", to_string(network))};
}

std::string to_string(const Network& network) {
    return fmt::format("{}/{}", net::to_string(network.address), network.prefix);
}

}  // namespace portier::config
