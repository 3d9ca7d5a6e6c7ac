#include "delivery/balance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "support/random.hpp"

namespace portier::delivery {

namespace {

const net::Address kSomebody{4, {10, 0, 0, 1}};

net::Address random_source(test::Random& random) {
    net::Address address{random.between(0, 1) ? std::uint8_t{4} : std::uint8_t{6}, {}};
    for (std::size_t i = 0; i < (address.family == 4 ? 4u : 16u); ++i)
        address.bytes[i] = static_cast<std::uint8_t>(random());
    return address;
}

std::vector<Candidate> candidates(std::size_t count) {
    std::vector<Candidate> result;
    for (std::size_t i = 0; i < count; ++i) result.push_back({i, 0, true});
    return result;
}

constexpr BalanceRule kRules[]{BalanceRule::round_robin, BalanceRule::least_connections, BalanceRule::source_hash,
                               BalanceRule::random_two};

}  // namespace

// The words are those of the configuration.
TEST(Balance, KnowsItsRules) {
    EXPECT_EQ(balance_rule("round-robin"), BalanceRule::round_robin);
    EXPECT_EQ(balance_rule("least-connections"), BalanceRule::least_connections);
    EXPECT_EQ(balance_rule("source-hash"), BalanceRule::source_hash);
    EXPECT_EQ(balance_rule("random-two"), BalanceRule::random_two);
}

// Whatever the rule: nobody with room means nobody, and never one without room.
TEST(Balance, ChoosesOnlyWhoHasRoom) {
    test::Random random;
    for (const BalanceRule rule : kRules) {
        std::size_t turn = 0;
        EXPECT_EQ(choose(rule, {}, kSomebody, turn), kNobody);
        for (int round = 0; round < 2000; ++round) {
            auto pool = candidates(random.between(1, 10));
            for (Candidate& candidate : pool) {
                candidate.connections = random.between(0, 5);
                candidate.has_room = random.between(0, 2) == 0;
            }
            const bool any = std::any_of(pool.begin(), pool.end(), [](const Candidate& c) { return c.has_room; });
            turn = random.between(0, 20);  // the pool may have shrunk since
            const std::size_t index = choose(rule, pool, random_source(random), turn);
            ASSERT_EQ(index != kNobody, any);
            if (any) {
                ASSERT_TRUE(pool[index].has_room);
            }
        }
    }
}

// Each in turn, and who has no room is passed over without losing the turn of the others.
TEST(RoundRobin, TakesTurns) {
    auto pool = candidates(3);
    std::size_t turn = 0;
    const auto next = [&] { return choose(BalanceRule::round_robin, pool, kSomebody, turn); };
    for (const std::size_t wanted : {0u, 1u, 2u, 0u, 1u}) EXPECT_EQ(next(), wanted);
    pool[2].has_room = false;
    for (const std::size_t wanted : {0u, 1u, 0u}) EXPECT_EQ(next(), wanted);
    pool[2].has_room = true;
    for (const std::size_t wanted : {1u, 2u, 0u}) EXPECT_EQ(next(), wanted);
}

// The fewest connections win, ties are broken in turn, so an idle pool is filled evenly.
TEST(LeastConnections, KeepsThePoolEven) {
    auto pool = candidates(4);
    pool[0].connections = 6;
    std::size_t turn = 0;
    for (int i = 0; i < 3 * 6; ++i) ++pool[choose(BalanceRule::least_connections, pool, kSomebody, turn)].connections;
    for (const Candidate& candidate : pool) EXPECT_EQ(candidate.connections, 6u);
    for (int i = 0; i < 4; ++i) ++pool[choose(BalanceRule::least_connections, pool, kSomebody, turn)].connections;
    for (const Candidate& candidate : pool) EXPECT_EQ(candidate.connections, 7u);
}

// One client always meets the same process, and the clients spread evenly.
TEST(SourceHash, IsSteadyAndEven) {
    test::Random random;
    const auto pool = candidates(8);
    std::map<std::size_t, unsigned> share;
    for (int i = 0; i < 8000; ++i) {
        const net::Address source = random_source(random);
        std::size_t turn = 0, other_turn = 5;
        const std::size_t index = choose(BalanceRule::source_hash, pool, source, turn);
        ASSERT_EQ(choose(BalanceRule::source_hash, pool, source, other_turn), index);
        ++share[index];
    }
    for (std::size_t i = 0; i < pool.size(); ++i) {
        EXPECT_GT(share[i], 800u) << i;
        EXPECT_LT(share[i], 1200u) << i;
    }
}

// Neighbouring addresses, as one customer has them, spread as well as random ones.
TEST(SourceHash, SpreadsNeighbours) {
    const auto pool = candidates(4);
    std::map<std::size_t, unsigned> share;
    for (unsigned i = 0; i < 1024; ++i) {
        const net::Address source{4, {192, 168, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}};
        std::size_t turn = 0;
        ++share[choose(BalanceRule::source_hash, pool, source, turn)];
    }
    for (std::size_t i = 0; i < pool.size(); ++i) EXPECT_NEAR(share[i], 256, 80) << i;
}

// A process that goes, or has no room, moves only its own clients; one that comes takes only its share; the order of
// the pool does not matter.
TEST(SourceHash, MovesOnlyTheShareOfWhoComesOrGoes) {
    test::Random random;
    const auto pool = candidates(5);
    auto without = pool, larger = pool, full = pool, shuffled = pool;
    without.erase(without.begin() + 2);
    larger.push_back({5, 0, true});
    full[2].has_room = false;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    unsigned moved_to_new = 0;
    for (int i = 0; i < 5000; ++i) {
        const net::Address source = random_source(random);
        const auto identity = [&](const std::vector<Candidate>& in) {
            std::size_t turn = 0;
            return in[choose(BalanceRule::source_hash, in, source, turn)].identity;
        };
        const std::uint64_t before = identity(pool);
        if (before != 2) {
            ASSERT_EQ(identity(without), before);
        }
        ASSERT_EQ(identity(full), identity(without));
        ASSERT_EQ(identity(shuffled), before);
        const std::uint64_t after = identity(larger);
        ASSERT_TRUE(after == before || after == 5);
        moved_to_new += after == 5;
    }
    EXPECT_NEAR(moved_to_new, 5000 / 6, 150);
}

// Of two it is the less busy one, so the busiest of all is never chosen, and everybody else is.
TEST(Balance, RandomTwoAvoidsTheBusiest) {
    auto all = candidates(5);
    all[3].connections = 9;
    std::size_t turn = 0;
    std::map<std::size_t, unsigned> counts;
    for (int i = 0; i < 1000; ++i) ++counts[choose(BalanceRule::random_two, all, kSomebody, turn)];
    EXPECT_EQ(counts.size(), 4u);
    EXPECT_FALSE(counts.contains(3));
}

// A weight is a share: of connections, of clients.
TEST(Balance, WeightsAreShares) {
    test::Random random;
    auto all = candidates(2);
    all[1].weight = 3;
    std::size_t turn = 0;
    for (int i = 0; i < 400; ++i) ++all[choose(BalanceRule::least_connections, all, kSomebody, turn)].connections;
    EXPECT_EQ(all[0].connections, 100u);
    std::map<std::size_t, unsigned> counts;
    for (int i = 0; i < 4000; ++i) ++counts[choose(BalanceRule::source_hash, all, random_source(random), turn)];
    EXPECT_NEAR(counts[1], 3000, 250);
}

}  // namespace portier::delivery
