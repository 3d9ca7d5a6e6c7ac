// The bytes that are sent and expected back. Pattern is a block of random bytes with a prime period, so a piece that
// is lost, doubled or moved does not fit any more. Message is one request: id and sequence first, then the pattern
// from a place that depends on both, so that an answer meant for somebody else is seen as wrong. Read only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace portier::guests {

class Pattern {
public:
    static constexpr std::size_t kPeriod = 65521;         // prime
    static constexpr std::size_t kWindow = 256UL * 1024;  // contiguous bytes available at every position

    explicit Pattern(std::uint64_t seed);

    std::span<const std::byte> window(std::uint64_t position) const {
        return std::span(bytes_).subspan(position % kPeriod, kWindow);
    }
    // Whether `bytes` (at most kWindow) are those at `position`.
    bool matches(std::uint64_t position, std::span<const std::byte> bytes) const;
    std::uint64_t seed() const { return seed_; }

private:
    std::uint64_t seed_;
    std::vector<std::byte> bytes_;
};

class Message {
public:
    static constexpr std::size_t kHeader = 16;  // sequence (4), id (4), hash of both and the seed (8)

    // `pattern` must outlive the message.
    Message(const Pattern& pattern, std::uint32_t id, std::uint32_t sequence);

    // Writes the message's bytes from `offset` on. `out` is at most Pattern::kWindow long.
    void copy(std::uint64_t offset, std::span<std::byte> out) const;
    // Whether `bytes` (at most Pattern::kWindow) are the message's bytes from `offset` on.
    bool matches(std::uint64_t offset, std::span<const std::byte> bytes) const;

    // The sequence that a message of at least 4 bytes says it has.
    static std::uint32_t sequence_of(std::span<const std::byte> message);

private:
    std::span<const std::byte> header_from(std::uint64_t offset, std::size_t size) const;
    std::span<const std::byte> body_from(std::uint64_t offset, std::size_t size) const;

    const Pattern& pattern_;
    std::array<std::byte, kHeader> header_;
    std::uint64_t start_;
};

}  // namespace portier::guests
