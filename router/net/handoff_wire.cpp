#include "net/handoff_wire.hpp"

#include <algorithm>
#include <cstring>

namespace portier::net {

namespace {

template <typename Integer>
void put(std::vector<std::byte>& out, Integer value) {
    for (int shift = (sizeof(Integer) - 1) * 8; shift >= 0; shift -= 8)
        out.push_back(static_cast<std::byte>(value >> shift & 0xff));
}

void put_bytes(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

// Reads big-endian integers; after the first overrun everything reads as zero and ok() is false.
class Reader {
public:
    explicit Reader(std::span<const std::byte> rest) : rest_(rest) {}

    template <typename Integer>
    Integer take() {
        Integer value = 0;
        for (std::byte byte : bytes(sizeof(Integer)))
            value = static_cast<Integer>(value << 8 | std::to_integer<Integer>(byte));
        return value;
    }

    std::span<const std::byte> bytes(std::size_t count) {
        if (count > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        const auto result = rest_.first(count);
        rest_ = rest_.subspan(count);
        return result;
    }

    bool ok() const { return ok_; }
    bool finished() const { return ok_ && rest_.empty(); }

private:
    std::span<const std::byte> rest_;
    bool ok_ = true;
};

// One family for both ends: where they differ (a PROXY header may say so), the IPv4 one is written as IPv4-mapped.
Address read_address(Reader& reader, std::uint8_t family) {
    Address address{family, {}};
    const auto bytes = reader.bytes(16);
    if (!bytes.empty()) std::memcpy(address.bytes.data(), bytes.data(), 16);
    return family == 6 ? from_ipv6(address.bytes) : address;
}

void put_address(std::vector<std::byte>& out, const Address& address, std::uint8_t family) {
    const auto bytes = family == 6 ? as_ipv6(address) : address.bytes;
    put_bytes(out, std::as_bytes(std::span(bytes)));
}

Door read_door(Reader& reader) {
    Door door;
    door.id = reader.take<std::uint64_t>();
    door.protocol = reader.take<std::uint8_t>();
    const auto family = reader.take<std::uint8_t>();
    const auto datagrams = reader.take<std::uint16_t>();
    door.local.port = reader.take<std::uint16_t>();
    door.remote.port = reader.take<std::uint16_t>();
    door.local.address = read_address(reader, family);
    door.remote.address = read_address(reader, family);
    for (unsigned i = 0; i < datagrams && reader.ok(); ++i)
        door.datagrams.push_back(reader.bytes(reader.take<std::uint16_t>()));
    return door;
}

}  // namespace

void encode_header(std::vector<std::byte>& out, HandoffType type, std::uint16_t count) {
    put<std::uint8_t>(out, kHandoffVersion);
    put<std::uint8_t>(out, static_cast<std::uint8_t>(type));
    put<std::uint16_t>(out, count);
    put<std::uint32_t>(out, 0);
}

void encode_door(std::vector<std::byte>& out, const Door& door) {
    put<std::uint64_t>(out, door.id);
    put<std::uint8_t>(out, door.protocol);
    const std::uint8_t family = std::max(door.local.address.family, door.remote.address.family);
    put<std::uint8_t>(out, family);
    put<std::uint16_t>(out, static_cast<std::uint16_t>(door.datagrams.size()));
    put<std::uint16_t>(out, door.local.port);
    put<std::uint16_t>(out, door.remote.port);
    put_address(out, door.local.address, family);
    put_address(out, door.remote.address, family);
    for (const auto& datagram : door.datagrams) {
        put<std::uint16_t>(out, static_cast<std::uint16_t>(datagram.size()));
        put_bytes(out, datagram);
    }
}

std::vector<std::byte> encode_taken(std::uint64_t id) {
    std::vector<std::byte> out;
    encode_header(out, HandoffType::taken);
    put<std::uint64_t>(out, id);
    return out;
}

std::vector<std::byte> encode_credit(std::uint32_t window) {
    std::vector<std::byte> out;
    encode_header(out, HandoffType::credit);
    put<std::uint32_t>(out, window);
    return out;
}

std::vector<std::byte> encode_idle(std::uint32_t idle_ms) {
    std::vector<std::byte> out;
    encode_header(out, HandoffType::idle);
    put<std::uint32_t>(out, idle_ms);
    return out;
}

std::vector<std::byte> encode_evict(const Eviction& eviction) {
    std::vector<std::byte> out;
    encode_header(out, HandoffType::evict);
    put<std::uint32_t>(out, eviction.count);
    put<std::uint16_t>(out, eviction.first);
    put<std::uint16_t>(out, eviction.last);
    return out;
}

std::optional<HandoffMessage> decode_handoff(std::span<const std::byte> bytes) {
    Reader reader(bytes);
    const auto version = reader.take<std::uint8_t>();
    const auto type = reader.take<std::uint8_t>();
    const auto count = reader.take<std::uint16_t>();
    reader.take<std::uint32_t>();
    if (!reader.ok() || version != kHandoffVersion) return std::nullopt;

    HandoffMessage message{};
    message.type = static_cast<HandoffType>(type);
    switch (message.type) {
        case HandoffType::doors:
            if (count == 0 || count > kMaxDoors) return std::nullopt;
            for (unsigned i = 0; i < count && reader.ok(); ++i) message.doors.push_back(read_door(reader));
            break;
        case HandoffType::taken: message.taken = reader.take<std::uint64_t>(); break;
        case HandoffType::credit: message.credit = reader.take<std::uint32_t>(); break;
        case HandoffType::drain:
        case HandoffType::stopping: break;
        case HandoffType::idle: message.idle_ms = reader.take<std::uint32_t>(); break;
        case HandoffType::evict:
            message.eviction.count = reader.take<std::uint32_t>();
            message.eviction.first = reader.take<std::uint16_t>();
            message.eviction.last = reader.take<std::uint16_t>();
            break;
        default: return std::nullopt;
    }
    if (!reader.finished()) return std::nullopt;
    return message;
}

}  // namespace portier::net
