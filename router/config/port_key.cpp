#include "config/port_key.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/host_port.hpp"
#include "config/slips.hpp"
#include "config/source.hpp"

namespace portier::config {

namespace {

constexpr const char* kForm = "the form is [address:]port[-port]/protocol, as in 7001/tcp or [::1]:9418/tcp";

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
    const auto parts = split_host_port(text.substr(0, slash));
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

Parsed<net::Address> parse_address(std::string_view text) {
    if (const auto address = net::parse_address(text)) return {*address};
    return {{}, "is not an IP address", "the form is 127.0.0.1 or ::1, without a port"};
}

Parsed<net::Endpoint> parse_listen(std::string_view text) {
    const auto parts = split_host_port(text);
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
