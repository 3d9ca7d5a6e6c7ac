// The binary version of the PROXY protocol, for net/proxy_protocol. Pure functions; any thread.
#pragma once

#include <array>

#include "net/proxy_protocol.hpp"

namespace portier::net {

inline constexpr std::array<std::byte, 12> kProxyV2Signature{
    std::byte{0x0d}, std::byte{0x0a}, std::byte{0x0d}, std::byte{0x0a}, std::byte{0x00}, std::byte{0x0d},
    std::byte{0x0a}, std::byte{0x51}, std::byte{0x55}, std::byte{0x49}, std::byte{0x54}, std::byte{0x0a}};
inline constexpr std::size_t kProxyV2Fixed = 16;  // signature, version and command, family and protocol, length
inline constexpr std::byte kProxyV2Local{0x20};
inline constexpr std::byte kProxyV2Proxy{0x21};
inline constexpr std::size_t kProxyTlvHeader = 3;  // type, length
inline constexpr std::byte kProxyUniqueId{0x05};

// See parse_proxy(); `seen` begins with the first byte of the signature.
ProxyHeader parse_proxy_v2(std::span<const std::byte> seen);

}  // namespace portier::net
