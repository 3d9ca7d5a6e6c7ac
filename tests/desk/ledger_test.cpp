#include "desk/ledger.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <thread>

#include "support/random.hpp"

namespace portier::desk {

namespace {

constexpr std::uint64_t kSinceModulus = std::uint64_t{1} << 36;

bool operator==(const Ledger::Entry& a, const Ledger::Entry& b) {
    return a.cookie == b.cookie && a.since_ms == b.since_ms && a.port == b.port && a.process == b.process;
}

Ledger::Entry entry_of(std::uint64_t cookie) {
    return {.cookie = cookie, .since_ms = cookie * 7, .port = 1, .process = 2};
}

class LedgerTest : public testing::Test {
protected:
    // Another router takes the board over.
    void reload() { ledger_.emplace(*board_); }

    // What a router leaves that is killed in remove(): the last entry stands at the gap, too, and still at the end.
    // `torn`: it was killed between the two halves of the entry.
    void die_while_removing(std::uint64_t cookie, bool torn) {
        const std::uint64_t last = board_->ledger_size.load() - 1;
        std::uint64_t gap = 0;
        while (board_->ledger[gap].cookie != cookie) ++gap;
        if (gap == last) return board_->ledger_size.store(last);
        board_->ledger[gap].cookie = board_->ledger[last].cookie;
        if (!torn) board_->ledger[gap].packed = board_->ledger[last].packed;
    }

    void expect_holds(const std::map<std::uint64_t, Ledger::Entry>& wanted) const {
        ASSERT_EQ(ledger_->size(), wanted.size());
        std::map<std::uint64_t, Ledger::Entry> visited;
        ledger_->visit([&](const Ledger::Entry& entry) { visited[entry.cookie] = entry; });
        ASSERT_EQ(visited.size(), wanted.size());
        for (const auto& [cookie, entry] : wanted) {
            ASSERT_TRUE(visited.contains(cookie) && visited[cookie] == entry);
            const auto found = ledger_->find(cookie);
            ASSERT_TRUE(found && *found == entry);
        }
    }

    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    std::optional<Ledger> ledger_{*board_};
};

}  // namespace

// Every part of an entry comes back, at its largest, too; what was never put is not found.
TEST_F(LedgerTest, KeepsWhatWasPut) {
    const Ledger::Entry largest{.cookie = ~std::uint64_t{0},
                                .since_ms = kSinceModulus - 1,
                                .port = metrics::kMaxPortRows - 1,
                                .process = metrics::kMaxProcessRows - 1};
    const Ledger::Entry smallest{};
    ASSERT_TRUE(ledger_->put(largest));
    ASSERT_TRUE(ledger_->put(smallest));
    expect_holds({{largest.cookie, largest}, {0, smallest}});
    EXPECT_FALSE(ledger_->find(1));
    EXPECT_FALSE(ledger_->remove(1));
    const auto removed = ledger_->remove(largest.cookie);
    ASSERT_TRUE(removed);
    EXPECT_TRUE(*removed == largest);
    EXPECT_FALSE(ledger_->remove(largest.cookie));
    expect_holds({{0, smallest}});
}

// A second put of the same connection replaces the first.
TEST_F(LedgerTest, PutReplaces) {
    ledger_->put({.cookie = 5, .since_ms = 1, .port = 1, .process = 1});
    const Ledger::Entry moved{.cookie = 5, .since_ms = 1, .port = 1, .process = 2};
    ledger_->put(moved);
    expect_holds({{5, moved}});
}

// Random puts, removals, takeovers and deaths in the middle of a removal: always what a map would hold.
TEST_F(LedgerTest, HoldsWhatAMapWouldHold) {
    test::Random random;
    std::map<std::uint64_t, Ledger::Entry> wanted;
    for (int step = 0; step < 100'000; ++step) {
        // Growing at first, then shrinking, so that the index is doubled and long chains are taken apart.
        const bool removes = !wanted.empty() && random.between(0, 99) < (step < 50'000 ? 30 : 70);
        if (!removes) {
            const Ledger::Entry entry{.cookie = random.between(1, 30'000),
                                      .since_ms = random.between(0, kSinceModulus - 1),
                                      .port = static_cast<std::uint32_t>(random.between(0, 16383)),
                                      .process = static_cast<std::uint32_t>(random.between(0, 16383))};
            ASSERT_TRUE(ledger_->put(entry));
            wanted[entry.cookie] = entry;
        } else {
            const auto some = wanted.lower_bound(random.between(1, 30'000));
            const auto victim = some == wanted.end() ? wanted.begin() : some;
            if (random.between(0, 999) == 0) {
                die_while_removing(victim->first, random.between(0, 1));
                reload();
            } else {
                const auto removed = ledger_->remove(victim->first);
                ASSERT_TRUE(removed && *removed == victim->second);
            }
            wanted.erase(victim);
        }
        ASSERT_EQ(ledger_->find(step % 30'000).has_value(), wanted.contains(step % 30'000));
        if (step % 10'000 == 0) expect_holds(wanted);
        if (step % 7'000 == 0) reload();
    }
    expect_holds(wanted);
}

// The index grows with the entries, and a router that takes over reads as many.
TEST_F(LedgerTest, Grows) {
    std::map<std::uint64_t, Ledger::Entry> wanted;
    for (std::uint64_t cookie = 1; cookie <= 200'000; ++cookie) {
        ASSERT_TRUE(ledger_->put(entry_of(cookie)));
        wanted[cookie] = entry_of(cookie);
    }
    expect_holds(wanted);
    reload();
    expect_holds(wanted);
}

// A router that takes over hides no entry while it reads them: killed there, it would lose them for its successor.
TEST_F(LedgerTest, LosesNothingWhileItIsRead) {
    constexpr std::uint64_t kCount = 1'000'000;
    for (std::uint64_t cookie = 1; cookie <= kCount; ++cookie) ledger_->put(entry_of(cookie));
    std::atomic<bool> done = false;
    std::thread successor([&] {
        reload();
        done = true;
    });
    std::uint64_t least = kCount;
    while (!done) least = std::min(least, board_->ledger_size.load());
    successor.join();
    EXPECT_EQ(least, kCount);
}

// A full ledger refuses what is new and still takes what it has.
TEST_F(LedgerTest, RefusesWhenFull) {
    ledger_->put(entry_of(1));
    board_->ledger_size.store(metrics::kMaxConnections);
    EXPECT_FALSE(ledger_->put(entry_of(2)));
    EXPECT_TRUE(ledger_->put(entry_of(1)));
}

// The time is kept modulo 2^36 ms: ages are right across that border.
TEST_F(LedgerTest, AgeWrapsAround) {
    const struct {
        std::uint64_t since, now, age;
    } cases[]{
        {0, 0, 0},
        {1000, 4000, 3000},
        {kSinceModulus - 10, kSinceModulus + 5, 15},
        {kSinceModulus + 7, kSinceModulus + 8, 1},
        {5 * kSinceModulus - 1, 5 * kSinceModulus + 1, 2},
    };
    for (const auto& c : cases) {
        ledger_->put({.cookie = 1, .since_ms = c.since, .port = 16383, .process = 16383});
        EXPECT_EQ(Ledger::age_ms(*ledger_->find(1), c.now), c.age) << c.since;
    }
}

}  // namespace portier::desk
