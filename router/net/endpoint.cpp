#include "net/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace portier::net {

namespace {

Address ipv4(const void* bytes) {
    Address address;
    std::memcpy(address.bytes.data(), bytes, 4);
    return address;
}

Address ipv6(const in6_addr& source) {
    if (IN6_IS_ADDR_V4MAPPED(&source)) return ipv4(source.s6_addr + 12);
    Address address{6, {}};
    std::memcpy(address.bytes.data(), source.s6_addr, 16);
    return address;
}

}  // namespace

Address source_key(const Address& address) {
    Address key = address;
    if (key.family == 6) std::fill(key.bytes.begin() + 8, key.bytes.end(), std::uint8_t{0});
    return key;
}

std::optional<Address> parse_address(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton(3) would stop there
    const std::string terminated(text);
    in_addr four;
    if (::inet_pton(AF_INET, terminated.c_str(), &four) == 1) return ipv4(&four);
    in6_addr six;
    if (::inet_pton(AF_INET6, terminated.c_str(), &six) == 1) return ipv6(six);
    return std::nullopt;
}

std::string to_string(const Address& address) {
    char text[INET6_ADDRSTRLEN];
    ::inet_ntop(address.family == 4 ? AF_INET : AF_INET6, address.bytes.data(), text, sizeof text);
    return text;
}

std::string to_string(const Endpoint& endpoint) {
    const std::string address = to_string(endpoint.address);
    const std::string port = std::to_string(endpoint.port);
    return endpoint.address.family == 4 ? address + ":" + port : "[" + address + "]:" + port;
}

std::array<std::uint8_t, 16> as_ipv6(const Address& address) {
    if (address.family == 6) return address.bytes;
    std::array<std::uint8_t, 16> mapped{};
    mapped[10] = mapped[11] = 0xff;
    std::copy_n(address.bytes.begin(), 4, mapped.begin() + 12);
    return mapped;
}

Address from_ipv6(const std::array<std::uint8_t, 16>& bytes) {
    in6_addr six;
    std::memcpy(&six, bytes.data(), sizeof six);
    return ipv6(six);
}

Endpoint from_sockaddr(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET) {
        sockaddr_in four;
        std::memcpy(&four, &storage, sizeof four);
        return {ipv4(&four.sin_addr), ntohs(four.sin_port)};
    }
    sockaddr_in6 six;
    std::memcpy(&six, &storage, sizeof six);
    return {ipv6(six.sin6_addr), ntohs(six.sin6_port)};
}

socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& storage) {
    storage = {};
    if (endpoint.address.family == 4) {
        sockaddr_in four{};
        four.sin_family = AF_INET;
        four.sin_port = htons(endpoint.port);
        std::memcpy(&four.sin_addr, endpoint.address.bytes.data(), 4);
        std::memcpy(&storage, &four, sizeof four);
        return sizeof four;
    }
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(endpoint.port);
    std::memcpy(&six.sin6_addr, endpoint.address.bytes.data(), 16);
    std::memcpy(&storage, &six, sizeof six);
    return sizeof six;
}

}  // namespace portier::net
