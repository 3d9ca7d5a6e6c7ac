// The handoff contract, version 1, as bytes: handlers/README.md describes it for people, this file for C++.
// Used by the router's handoff delivery and by handlers/sdk. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "net/endpoint.hpp"

namespace portier::net {

inline constexpr std::uint8_t kHandoffVersion = 1;
inline constexpr std::size_t kHandoffHeaderSize = 8;
inline constexpr std::size_t kDoorRecordSize = 48;
inline constexpr std::size_t kMaxDoors = 64;
inline constexpr std::size_t kDatagramLengthSize = 2;  // before each early datagram

enum class HandoffType : std::uint8_t {
    doors = 1,
    taken = 2,
    credit = 3,
    drain = 4,
    stopping = 5,
    idle = 6,
    evict = 7
};

// Flows of a range of local ports of which so many shall be closed, those that have been idle the longest.
struct Eviction {
    std::uint32_t count = 0;
    std::uint16_t first = 0;
    std::uint16_t last = 0;
};

struct Door {
    std::uint64_t id = 0;       // grows by one per door on one channel
    std::uint8_t protocol = 6;  // IANA: 6 TCP, 17 UDP
    Endpoint local;
    Endpoint remote;
    std::vector<std::span<const std::byte>> datagrams;  // early ones, in order (UDP); point into the message
};

struct HandoffMessage {
    HandoffType type;
    std::vector<Door> doors;    // doors
    std::uint64_t taken = 0;    // taken: everything up to and including this id
    std::uint32_t credit = 0;   // credit: how many doors beyond the last taken one may be under way
    std::uint32_t idle_ms = 0;  // idle: how long the flows that come after it may be silent; 0: for ever
    Eviction eviction;          // evict
};

// Appends one record to a message begun with encode_header.
void encode_header(std::vector<std::byte>& out, HandoffType type, std::uint16_t count = 0);
void encode_door(std::vector<std::byte>& out, const Door& door);
std::vector<std::byte> encode_taken(std::uint64_t id);
std::vector<std::byte> encode_credit(std::uint32_t window);
std::vector<std::byte> encode_idle(std::uint32_t idle_ms);
std::vector<std::byte> encode_evict(const Eviction& eviction);

// nullopt: not a well-formed message of version 1. Spans in the result point into `message`.
std::optional<HandoffMessage> decode_handoff(std::span<const std::byte> message);

}  // namespace portier::net
