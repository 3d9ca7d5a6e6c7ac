// The parts of texts such as "7001", "1.2.3.4:80" and "[::1]:80", and why one is wrong. Pure functions; any thread.
#pragma once

#include <string_view>

#include "config/units.hpp"
#include "net/endpoint.hpp"

namespace portier::config {

struct HostAndPort {
    std::string_view host;  // empty: none was written
    std::string_view port;
    bool brackets = false;
};

// Splits "port", "1.2.3.4:port" and "[::1]:port"; more colons than that are an IPv6 address without brackets.
Parsed<HostAndPort> split_host_port(std::string_view text);

Parsed<net::Address> parse_host(const HostAndPort& parts);  // an IP address, no name
Parsed<std::uint16_t> parse_port(std::string_view text);    // 1 to 65535

}  // namespace portier::config
