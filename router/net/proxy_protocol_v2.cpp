#include "net/proxy_protocol_v2.hpp"

#include <algorithm>
#include <cstring>

namespace portier::net {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::byte kCrc32c{0x03};
constexpr std::byte kSsl{0x20};
constexpr std::size_t kSslFixed = 5;  // client, verify
constexpr std::size_t kUnixAddresses = 216;

ProxyHeader malformed(const char* reason) {
    return {.state = ProxyHeader::State::malformed, .reason = reason};
}

std::uint16_t u16_at(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8 |
                                      std::to_integer<unsigned>(bytes[at + 1]));
}

// RFC 4960, appendix B: the polynomial 0x1EDC6F41, reflected. Bit by bit: few senders add one.
std::uint32_t crc32c(std::uint32_t state, Bytes bytes) {
    for (const std::byte byte : bytes) {
        state ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) state = state >> 1 ^ (state & 1 ? 0x82f63b78u : 0);
    }
    return state;
}

// `at`: of the four bytes in `header` that hold the checksum; they count as zero.
bool checksum_is_right(Bytes header, std::size_t at) {
    constexpr std::array<std::byte, 4> kZero{};
    const std::uint32_t before = crc32c(~0u, header.first(at));
    const std::uint32_t wanted = ~crc32c(crc32c(before, kZero), header.subspan(at + 4));
    return wanted == (std::uint32_t{u16_at(header, at)} << 16 | u16_at(header, at + 2));
}

// Calls `visit(type, offset in header, length)` for each until it returns a reason. nullptr: all is well.
template <typename Visit>
const char* walk_tlvs(Bytes header, std::size_t begin, std::size_t end, Visit visit) {
    while (begin < end) {
        if (end - begin < kProxyTlvHeader) return "version 2: an extension is cut off";
        const std::size_t length = u16_at(header, begin + 1);
        const std::size_t value = begin + kProxyTlvHeader;
        if (length > end - value) return "version 2: an extension is longer than the header";
        if (const char* reason = visit(header[begin], value, length)) return reason;
        begin = value + length;
    }
    return nullptr;
}

const char* check_tlvs(Bytes header, std::size_t begin) {
    bool has_checksum = false;
    const auto ignore = [](std::byte, std::size_t, std::size_t) -> const char* { return nullptr; };
    return walk_tlvs(header, begin, header.size(), [&](std::byte type, std::size_t at, std::size_t length) {
        const char* reason = nullptr;
        if (type == kProxyUniqueId && length > kMaxUniqueId) reason = "version 2: the unique ID is too long";
        if (type == kSsl)
            reason = length < kSslFixed ? "version 2: the SSL extension is cut off"
                                        : walk_tlvs(header, at + kSslFixed, at + length, ignore);
        if (type == kCrc32c) {
            if (length != 4 || has_checksum || !checksum_is_right(header, at)) reason = "version 2: wrong checksum";
            has_checksum = true;
        }
        return reason;
    });
}

Address ipv4_at(Bytes header, std::size_t at) {
    Address address;
    std::memcpy(address.bytes.data(), &header[at], 4);
    return address;
}

Address ipv6_at(Bytes header, std::size_t at) {
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &header[at], bytes.size());
    return from_ipv6(bytes);
}

// 13th and 14th byte, as far as they are there.
const char* check_kind(Bytes seen) {
    if (seen.size() <= 12) return nullptr;
    if (seen[12] != kProxyV2Proxy && seen[12] != kProxyV2Local) return "version 2: unknown version or command";
    if (seen.size() <= 13 || seen[12] == kProxyV2Local) return nullptr;  // LOCAL: "the family which is ignored"
    const auto kind = std::to_integer<unsigned>(seen[13]);
    return kind >> 4 > 3 || (kind & 15) > 2 ? "version 2: unknown family or protocol" : nullptr;
}

// 0: no addresses to be read, UNSPEC in one half of the byte.
std::size_t address_size(std::byte kind) {
    const auto number = std::to_integer<unsigned>(kind);
    if ((number & 15) == 0) return 0;
    switch (number >> 4) {
        case 1: return 12;
        case 2: return 36;
        case 3: return kUnixAddresses;
        default: return 0;
    }
}

// `header` is whole; its command is PROXY.
ProxyHeader parse_block(Bytes header) {
    ProxyHeader result{.state = ProxyHeader::State::complete, .size = header.size()};
    const std::size_t size = address_size(header[13]);
    if (size == 0) return result;
    if (const char* reason = check_tlvs(header, kProxyV2Fixed + size)) return malformed(reason);
    const std::uint8_t protocol = (header[13] & std::byte{15}) == std::byte{1} ? IPPROTO_TCP : IPPROTO_UDP;
    if (size == kUnixAddresses) return result;
    const auto address_at = size == 12 ? ipv4_at : ipv6_at;
    const std::size_t length = size == 12 ? 4 : 16;
    const std::size_t ports = kProxyV2Fixed + 2 * length;
    result.addresses = {protocol,
                        {address_at(header, kProxyV2Fixed), u16_at(header, ports)},
                        {address_at(header, kProxyV2Fixed + length), u16_at(header, ports + 2)}};
    return result;
}

}  // namespace

ProxyHeader parse_proxy_v2(Bytes seen) {
    const std::size_t known = std::min(seen.size(), kProxyV2Signature.size());
    if (!std::equal(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(known), kProxyV2Signature.begin()))
        return malformed("no PROXY header");
    if (const char* reason = check_kind(seen)) return malformed(reason);
    if (seen.size() < kProxyV2Fixed) return {.size = kProxyV2Fixed};
    const std::size_t size = kProxyV2Fixed + u16_at(seen, 14);
    if (size > kMaxProxyV2) return malformed("version 2: the header is too long");
    const bool is_local = seen[12] == kProxyV2Local;
    if (!is_local && size < kProxyV2Fixed + address_size(seen[13]))
        return malformed("version 2: shorter than its addresses");
    if (seen.size() < size) return {.size = size};
    if (is_local) return {.state = ProxyHeader::State::complete, .size = size};
    return parse_block(seen.first(size));
}

}  // namespace portier::net
