#include "delivery/source_counts.hpp"

#include <gtest/gtest.h>

#include <map>

#include "support/random.hpp"

namespace portier::delivery {

namespace {

net::Address address(const char* text) {
    return *net::parse_address(text);
}

TEST(SourceCounts, CountAddressesOrCustomers) {
    SourceCounts counts(10);
    counts.add(address("10.0.0.1"));
    counts.add(address("10.0.0.1"));
    counts.add(address("2001:db8::1"));
    counts.add(address("2001:db8::2"));
    EXPECT_EQ(counts.of(address("10.0.0.1")), 2u);
    EXPECT_EQ(counts.of(address("10.0.0.2")), 0u);
    EXPECT_EQ(counts.of(address("2001:db8::3")), 2u) << "one /64 is one customer";
    EXPECT_EQ(counts.of(address("2001:db8:0:1::1")), 0u);
    EXPECT_EQ(counts.of(address("a00:1::")), 0u) << "not the IPv4 address with the same bytes";
    counts.remove(address("10.0.0.1"));
    counts.remove(address("10.0.0.1"));
    EXPECT_EQ(counts.of(address("10.0.0.1")), 0u);
}

TEST(SourceCounts, BehaveLikeAMap) {
    test::Random random;
    SourceCounts counts(64);
    std::map<std::uint8_t, std::uint32_t> model;
    for (int step = 0; step < 50'000; ++step) {
        const auto last = static_cast<std::uint8_t>(random.between(0, 63));
        const net::Address source{4, {10, 0, 0, last}};
        ASSERT_EQ(counts.of(source), model[last]);
        if (model[last] > 0 && random.between(0, 1)) {
            counts.remove(source);
            --model[last];
        } else {
            counts.add(source);
            ++model[last];
        }
    }
}

}  // namespace

}  // namespace portier::delivery
