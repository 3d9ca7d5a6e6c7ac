#include "pattern.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace portier::guests {
namespace {

std::vector<std::byte> bytes_of(const Message& message, std::size_t size) {
    std::vector<std::byte> bytes(size);
    message.copy(0, bytes);
    return bytes;
}

TEST(Pattern, RepeatsOnlyWithItsPrimePeriod) {
    const Pattern pattern(1);
    const auto piece = pattern.window(5).first(4096);
    EXPECT_TRUE(pattern.matches(5, piece));
    EXPECT_TRUE(pattern.matches(5 + Pattern::kPeriod, piece));
    EXPECT_FALSE(pattern.matches(5 + 65536, piece));
    EXPECT_FALSE(pattern.matches(6, piece));
}

TEST(Message, MatchesItselfInPieces) {
    const Pattern pattern(7);
    const Message message(pattern, 3, 9);
    const auto bytes = bytes_of(message, 100'000);
    for (const std::size_t cut : {1U, 15U, 16U, 17U, 65'536U}) {
        EXPECT_TRUE(message.matches(0, std::span(bytes).first(cut)));
        EXPECT_TRUE(message.matches(cut, std::span(bytes).subspan(cut)));
    }
}

TEST(Message, DoesNotMatchAnyOther) {
    const Pattern pattern(7);
    const Message message(pattern, 3, 9);
    const Pattern other_pattern(8);
    for (const std::size_t size : {16U, 64U, 1000U}) {
        const auto bytes = bytes_of(message, size);
        EXPECT_FALSE(Message(pattern, 4, 9).matches(0, bytes));
        EXPECT_FALSE(Message(pattern, 3, 10).matches(0, bytes));
        EXPECT_FALSE(Message(other_pattern, 3, 9).matches(0, bytes));
    }
}

TEST(Message, NoticesOneChangedByteAnywhere) {
    const Pattern pattern(7);
    const Message message(pattern, 3, 9);
    auto bytes = bytes_of(message, 64);
    for (std::byte& byte : bytes) {
        byte ^= std::byte{1};
        EXPECT_FALSE(message.matches(0, bytes));
        byte ^= std::byte{1};
    }
}

TEST(Message, OneByteTellsNeighboursApart) {
    const Pattern pattern(7);
    const auto bytes = bytes_of(Message(pattern, 1, 1), 1);
    EXPECT_FALSE(Message(pattern, 1, 2).matches(0, bytes));
}

TEST(Message, CarriesItsSequence) {
    const Pattern pattern(7);
    EXPECT_EQ(Message::sequence_of(bytes_of(Message(pattern, 3, 123'456), 16)), 123'456U);
}

}  // namespace
}  // namespace portier::guests
