#include "pattern.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace portier::guests {
namespace {

// The finishing step of splitmix64: neighbouring numbers come out unrelated.
std::uint64_t scramble(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

bool equal(std::span<const std::byte> left, std::span<const std::byte> right) {
    return left.empty() || std::memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace

Pattern::Pattern(std::uint64_t seed) : seed_(seed), bytes_(kPeriod + kWindow) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < kPeriod; ++i) bytes_[i] = static_cast<std::byte>(random());
    for (std::size_t i = kPeriod; i < bytes_.size(); ++i) bytes_[i] = bytes_[i - kPeriod];
}

bool Pattern::matches(std::uint64_t position, std::span<const std::byte> bytes) const {
    return equal(window(position).first(bytes.size()), bytes);
}

Message::Message(const Pattern& pattern, std::uint32_t id, std::uint32_t sequence) : pattern_(pattern) {
    const std::uint64_t hash = scramble(pattern.seed() ^ scramble((std::uint64_t{id} << 32) | sequence));
    std::memcpy(header_.data(), &sequence, sizeof sequence);
    std::memcpy(header_.data() + 4, &id, sizeof id);
    std::memcpy(header_.data() + 8, &hash, sizeof hash);
    start_ = hash % Pattern::kPeriod;
}

std::span<const std::byte> Message::header_from(std::uint64_t offset, std::size_t size) const {
    if (offset >= kHeader) return {};
    return std::span(header_).subspan(offset, std::min(size, kHeader - offset));
}

std::span<const std::byte> Message::body_from(std::uint64_t offset, std::size_t size) const {
    return pattern_.window(start_ + offset).first(size);
}

void Message::copy(std::uint64_t offset, std::span<std::byte> out) const {
    const auto header = header_from(offset, out.size());
    const auto body = body_from(offset + header.size(), out.size() - header.size());
    std::copy(body.begin(), body.end(), std::copy(header.begin(), header.end(), out.begin()));
}

bool Message::matches(std::uint64_t offset, std::span<const std::byte> bytes) const {
    const auto header = header_from(offset, bytes.size());
    const auto body = body_from(offset + header.size(), bytes.size() - header.size());
    return equal(header, bytes.first(header.size())) && equal(body, bytes.subspan(header.size()));
}

std::uint32_t Message::sequence_of(std::span<const std::byte> message) {
    std::uint32_t sequence = 0;
    std::memcpy(&sequence, message.data(), sizeof sequence);
    return sequence;
}

}  // namespace portier::guests
