// Addresses as the configuration writes them: the keys of `ports`, admin.listen and networks. Names are never looked
// up: what a configuration means must not depend on a name server. Pure functions; any thread.
#pragma once

#include <string_view>

#include "config/config.hpp"
#include "config/units.hpp"

namespace portier::config {

struct PortKey {
    Protocol protocol = Protocol::tcp;
    std::optional<net::Address> address;  // empty: every address
    std::uint16_t first = 0;
    std::uint16_t last = 0;
};

Parsed<PortKey> parse_port_key(std::string_view text);      // [address:]port[-port]/protocol
Parsed<net::Address> parse_address(std::string_view text);  // without brackets
Parsed<net::Endpoint> parse_listen(std::string_view text);  // address:port
Parsed<Network> parse_network(std::string_view text);       // address[/prefix]

std::string to_string(const Network& network);

}  // namespace portier::config
