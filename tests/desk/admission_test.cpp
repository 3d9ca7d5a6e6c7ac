#include "desk/admission.hpp"

#include <gtest/gtest.h>

#include "delivery/plan.hpp"
#include "support/random.hpp"

namespace portier::desk {

namespace {

using metrics::Rejected;

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kStart = 77 * kSecond;

net::Address address(const char* text) {
    return *net::parse_address(text);
}

// A different IPv4 address for each number.
net::Address source(std::uint32_t number) {
    return {4,
            {10, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
             static_cast<std::uint8_t>(number)}};
}

}  // namespace

// Without a rate there is always a token.
TEST(TokenBucket, Unlimited) {
    TokenBucket bucket;
    EXPECT_TRUE(bucket.unlimited());
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(bucket.take(kStart));
    EXPECT_EQ(bucket.wait_us(kStart), 0u);
}

// It starts full, gives a burst of its size, and then one token each time a share of the period has passed.
TEST(TokenBucket, GivesABurstAndThenTheRate) {
    TokenBucket bucket(delivery::RatePlan{.count = 4, .period_ms = 1000});
    EXPECT_FALSE(bucket.unlimited());
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(bucket.take(kStart)) << i;
    EXPECT_FALSE(bucket.take(kStart));
    EXPECT_EQ(bucket.wait_us(kStart), kSecond / 4);
    EXPECT_NEAR(static_cast<double>(bucket.wait_us(kStart + 100'000)), 150'000, 1);
    EXPECT_FALSE(bucket.take(kStart + 249'999));
    EXPECT_TRUE(bucket.take(kStart + 250'000));
    EXPECT_FALSE(bucket.take(kStart + 250'000));
    EXPECT_FALSE(bucket.full(kStart + kSecond));
    EXPECT_TRUE(bucket.full(kStart + 250'000 + kSecond));
}

// However long nobody comes, no more than its size is saved up.
TEST(TokenBucket, SavesNoMoreThanItsSize) {
    TokenBucket bucket(delivery::RatePlan{.count = 2, .period_ms = 60'000});
    EXPECT_TRUE(bucket.take(kStart));
    const std::uint64_t later = kStart + 3600 * kSecond;
    EXPECT_TRUE(bucket.take(later));
    EXPECT_TRUE(bucket.take(later));
    EXPECT_FALSE(bucket.take(later));
    EXPECT_EQ(bucket.wait_us(later), 30 * kSecond);
}

// After waiting as long as it says, there is a token; a microsecond before there was none. Over time it keeps the rate.
TEST(TokenBucket, WaitsExactlyAsLongAsItSays) {
    test::Random random;
    for (int round = 0; round < 200; ++round) {
        const delivery::RatePlan plan{.count = random.between(1, 100'000), .period_ms = random.between(1, 3'600'000)};
        TokenBucket bucket(plan);
        std::uint64_t now = kStart, taken = 0;
        while (taken < plan.count + 200) {
            if (bucket.take(now)) {
                ++taken;
                continue;
            }
            const std::uint64_t wait = bucket.wait_us(now);
            ASSERT_GT(wait, 0u);
            if (wait > 2) {
                ASSERT_GT(bucket.wait_us(now + wait - 2), 0u);
            }
            now += wait;
        }
        const double ideal = 200.0 * static_cast<double>(plan.period_ms) * 1000 / static_cast<double>(plan.count);
        ASSERT_NEAR(static_cast<double>(now - kStart), ideal, 400 + ideal / 100) << plan.count << "/" << plan.period_ms;
    }
}

// An IPv4 client is its address, an IPv6 client its /64 network.
TEST(SourceKey, IsTheAddressOrTheNetwork) {
    EXPECT_EQ(source_key(address("10.1.2.3")), address("10.1.2.3"));
    EXPECT_EQ(source_key(address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
    EXPECT_EQ(source_key(address("2001:db8:1:2:ffff::")), source_key(address("2001:db8:1:2::1")));
    EXPECT_NE(source_key(address("2001:db8:1:3::1")), source_key(address("2001:db8:1:2::1")));
}

// Without limits everybody is admitted and nobody waits.
TEST(Admission, AdmitsWithoutLimits) {
    Admission admission({.over_limit = "wait"});
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(admission.refuse(source(1), 1'000'000, kStart));
    EXPECT_FALSE(admission.pause_us(1'000'000, kStart));
    EXPECT_FALSE(admission.counts_sources());
}

// Deny is asked first, and with an allow list everybody else is refused.
TEST(Admission, DenyBeforeAllow) {
    Admission admission({.allow = {{"10.0.0.0", 8}, {"192.168.1.128", 25}, {"2001:db8::", 32}, {"::1", 128}},
                         .deny = {{"10.9.0.0", 16}, {"2001:db8:9::", 48}}});
    const struct {
        const char* client;
        bool admitted;
    } cases[]{
        {"10.0.0.1", true},      {"10.255.255.255", true}, {"11.0.0.0", false},      {"9.255.255.255", false},
        {"10.9.0.0", false},     {"10.9.255.255", false},  {"10.10.0.0", true},      {"192.168.1.128", true},
        {"192.168.1.255", true}, {"192.168.1.127", false}, {"192.168.2.128", false}, {"127.0.0.1", false},
        {"2001:db8::1", true},   {"2001:db9::1", false},   {"2001:db8:9::1", false}, {"2001:db8:a::1", true},
        {"::1", true},           {"::2", false},           {"a00::1", false},
    };
    for (const auto& c : cases) {
        const auto refused = admission.refuse(address(c.client), 0, kStart);
        EXPECT_EQ(refused, c.admitted ? std::nullopt : std::optional(Rejected::denied)) << c.client;
    }
}

// With deny alone everybody else is admitted; /0 is everybody of that family.
TEST(Admission, DenyAlone) {
    Admission admission({.deny = {{"0.0.0.0", 0}}});
    EXPECT_EQ(admission.refuse(address("8.8.8.8"), 0, kStart), Rejected::denied);
    EXPECT_FALSE(admission.refuse(address("2001:db8::1"), 0, kStart));
}

// At the limit of connections: refused, and with `wait` the port pauses until one ends.
TEST(Admission, LimitsConnections) {
    Admission closes({.max_connections = 3, .over_limit = "close"});
    EXPECT_FALSE(closes.refuse(source(1), 2, kStart));
    EXPECT_EQ(closes.refuse(source(1), 3, kStart), Rejected::limit);
    EXPECT_EQ(closes.refuse(source(1), 4, kStart), Rejected::limit);
    EXPECT_FALSE(closes.refuse(source(1), 2, kStart)) << "temporary";

    const Admission waits({.max_connections = 3, .over_limit = "wait"});
    EXPECT_FALSE(waits.pause_us(2, kStart));
    EXPECT_EQ(waits.pause_us(3, kStart), Admission::kUntilOneEnds);
}

// Only `wait` pauses the port and only `reset` resets.
TEST(Admission, OverLimitWords) {
    const struct {
        const char* word;
        bool waits, resets;
    } cases[]{{"wait", true, false}, {"reset", false, true}, {"close", false, false}};
    for (const auto& c : cases) {
        const Admission admission({.max_connections = 1, .over_limit = c.word});
        EXPECT_EQ(admission.pause_us(1, kStart).has_value(), c.waits) << c.word;
        EXPECT_EQ(admission.resets(), c.resets) << c.word;
    }
}

// Over the rate: refused, and with `wait` the port pauses exactly until the next token.
TEST(Admission, LimitsTheRate) {
    Admission closes({.accept_rate = {2, 1000}, .over_limit = "close"});
    EXPECT_FALSE(closes.refuse(source(1), 0, kStart));
    EXPECT_FALSE(closes.refuse(source(2), 0, kStart));
    EXPECT_EQ(closes.refuse(source(3), 0, kStart), Rejected::rate);
    EXPECT_FALSE(closes.refuse(source(3), 0, kStart + kSecond / 2));

    Admission waits({.accept_rate = {2, 1000}, .over_limit = "wait"});
    EXPECT_FALSE(waits.pause_us(0, kStart));
    waits.refuse(source(1), 0, kStart);
    waits.refuse(source(1), 0, kStart);
    ASSERT_EQ(waits.pause_us(0, kStart), kSecond / 2);
    EXPECT_FALSE(waits.pause_us(0, kStart + kSecond / 2));
    EXPECT_FALSE(waits.refuse(source(1), 0, kStart + kSecond / 2));
}

// Who is refused by address uses up no token of the others.
TEST(Admission, DeniedClientsTakeNoTokens) {
    Admission admission({.accept_rate = {1, 1000}, .deny = {{"10.0.0.9", 32}}});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(admission.refuse(source(9), 0, kStart), Rejected::denied);
    EXPECT_FALSE(admission.refuse(source(1), 0, kStart));
}

// Each source has its own count, which goes down when its connections end; a source over it never makes the port wait.
TEST(Admission, LimitsConnectionsOfASource) {
    Admission admission({.max_connections_per_source = 2, .over_limit = "wait"});
    EXPECT_TRUE(admission.counts_sources());
    EXPECT_FALSE(admission.refuse(source(1), 0, kStart));
    EXPECT_FALSE(admission.refuse(source(1), 1, kStart));
    EXPECT_EQ(admission.refuse(source(1), 2, kStart), Rejected::source_limit);
    EXPECT_FALSE(admission.pause_us(2, kStart));
    EXPECT_FALSE(admission.refuse(source(2), 2, kStart));
    admission.ended(source(1));
    EXPECT_FALSE(admission.refuse(source(1), 2, kStart));
    EXPECT_EQ(admission.refuse(source(1), 3, kStart), Rejected::source_limit);
    admission.ended(source(7));  // of a router before us
}

// The addresses of one /64 network are one source.
TEST(Admission, CountsNetworksOfIpv6) {
    Admission admission({.max_connections_per_source = 2});
    EXPECT_FALSE(admission.refuse(address("2001:db8::1"), 0, kStart));
    EXPECT_FALSE(admission.refuse(address("2001:db8::2"), 0, kStart));
    EXPECT_EQ(admission.refuse(address("2001:db8::ffff:3"), 0, kStart), Rejected::source_limit);
    EXPECT_FALSE(admission.refuse(address("2001:db8:0:1::1"), 0, kStart));
    admission.ended(address("2001:db8::9"));
    EXPECT_FALSE(admission.refuse(address("2001:db8::4"), 0, kStart));
}

// What a dump found counts, whatever was counted before.
TEST(Admission, TakesARecountOfTheSources) {
    Admission admission({.max_connections_per_source = 2});
    EXPECT_FALSE(admission.refuse(source(1), 0, kStart));
    EXPECT_FALSE(admission.refuse(source(1), 0, kStart));
    admission.recount({{source(2), 2}});
    EXPECT_FALSE(admission.refuse(source(1), 0, kStart)) << "its two had ended unheard";
    EXPECT_EQ(admission.refuse(source(2), 0, kStart), Rejected::source_limit) << "it was let in by a router before us";
    admission.ended(source(2));
    EXPECT_FALSE(admission.refuse(source(2), 0, kStart));
    admission.ended(source(2));
    admission.found({{source(2), 1}, {source(4), 1}});
    EXPECT_EQ(admission.refuse(source(2), 0, kStart), Rejected::source_limit);
    EXPECT_FALSE(admission.refuse(source(4), 0, kStart));
    EXPECT_EQ(admission.refuse(source(4), 0, kStart), Rejected::source_limit);

    Admission without({.max_connections = 5});
    without.recount({{source(3), 2}});
    EXPECT_FALSE(without.refuse(source(3), 0, kStart)) << "nobody would tell of their ends";
}

// Each source has its own rate.
TEST(Admission, LimitsTheRateOfASource) {
    Admission admission({.accept_rate_per_source = {1, 1000}});
    EXPECT_FALSE(admission.refuse(source(1), 0, kStart));
    EXPECT_EQ(admission.refuse(source(1), 0, kStart + 1), Rejected::source_rate);
    EXPECT_FALSE(admission.refuse(source(2), 0, kStart + 1));
    EXPECT_FALSE(admission.refuse(source(1), 0, kStart + kSecond));
}

// Ends that are announced do not give a source a fresh bucket.
TEST(Admission, EndsDoNotRefillTheRate) {
    Admission admission({.max_connections_per_source = 5, .accept_rate_per_source = {1, 1000}});
    EXPECT_FALSE(admission.refuse(source(1), 0, kStart));
    admission.ended(source(1));
    EXPECT_EQ(admission.refuse(source(1), 0, kStart + 1), Rejected::source_rate);
}

// New limits are in force at once, and connections that were counted stay counted.
TEST(Admission, UpdateKeepsWhatWasCounted) {
    Admission admission({.max_connections_per_source = 3, .over_limit = "close"});
    admission.refuse(source(1), 0, kStart);
    admission.refuse(source(1), 0, kStart);
    admission.update({.max_connections_per_source = 2, .over_limit = "reset"});
    EXPECT_TRUE(admission.resets());
    EXPECT_EQ(admission.refuse(source(1), 0, kStart), Rejected::source_limit);
    EXPECT_FALSE(admission.refuse(source(2), 0, kStart));
    admission.update({.allow = {{"10.0.0.2", 32}}});
    EXPECT_EQ(admission.refuse(source(1), 0, kStart), Rejected::denied);
    EXPECT_FALSE(admission.refuse(source(2), 0, kStart));
}

// While a limit is off nobody tells of ends, so what was counted before must not count when it is on again.
TEST(Admission, ForgetsCountsWhileTheLimitIsOff) {
    for (const delivery::AdmissionPlan& off : {delivery::AdmissionPlan{}, {.accept_rate_per_source = {1000, 1}}}) {
        Admission admission({.max_connections_per_source = 1});
        EXPECT_FALSE(admission.refuse(source(1), 0, kStart));
        admission.update(off);
        admission.update({.max_connections_per_source = 1});
        EXPECT_FALSE(admission.refuse(source(1), 0, kStart));
    }
}

// A flood of sources is not remembered without bound, and idle ones go first: who holds a connection stays counted.
TEST(Admission, ForgetsIdleSourcesFirst) {
    Admission admission({.max_connections_per_source = 1, .accept_rate_per_source = {1, 1000}});
    EXPECT_FALSE(admission.refuse(source(0), 0, kStart));
    for (std::uint32_t i = 1; i <= 100'000; ++i) {
        ASSERT_FALSE(admission.refuse(source(i), 0, kStart + i * 20));
        admission.ended(source(i));
    }
    const std::uint64_t later = kStart + 10 * kSecond;
    EXPECT_EQ(admission.refuse(source(0), 0, later), Rejected::source_limit);
    EXPECT_FALSE(admission.refuse(source(200'000), 0, later));
    EXPECT_EQ(admission.refuse(source(0), 0, later), Rejected::source_limit);
}

// When all of very many sources are busy the counting starts afresh instead of growing.
TEST(Admission, StartsAfreshWhenAllAreBusy) {
    Admission admission({.max_connections_per_source = 1});
    for (std::uint32_t i = 0; i < 100'000; ++i) ASSERT_FALSE(admission.refuse(source(i), 0, kStart));
    EXPECT_FALSE(admission.refuse(source(100'000), 0, kStart));
    EXPECT_FALSE(admission.refuse(source(0), 0, kStart)) << "no longer remembered";
    EXPECT_EQ(admission.refuse(source(100'000), 0, kStart), Rejected::source_limit);
}

}  // namespace portier::desk
