// Cuts the input of a fuzzer into messages: a length of two bytes, then so many bytes, as far as they are there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

namespace portier::fuzz {

class Messages {
public:
    explicit Messages(std::span<const std::byte> rest) : rest_(rest) {}

    std::optional<std::span<const std::byte>> next() {
        if (rest_.size() < 2) return std::nullopt;
        const std::size_t length = std::to_integer<std::size_t>(rest_[0]) << 8 | std::to_integer<std::size_t>(rest_[1]);
        const auto message = rest_.subspan(2, std::min(length, rest_.size() - 2));
        rest_ = rest_.subspan(2 + message.size());
        return message;
    }

private:
    std::span<const std::byte> rest_;
};

}  // namespace portier::fuzz
