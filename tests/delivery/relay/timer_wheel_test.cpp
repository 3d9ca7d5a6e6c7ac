#include "delivery/relay/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "support/random.hpp"

namespace portier::delivery {

namespace {

constexpr std::uint64_t kTick = TimerWheel::kTickMs;

struct Named : TimerWheel::Item {
    std::uint64_t due_ms = 0;
    std::uint64_t fell_ms = 0;
};

}  // namespace

// Nothing early, nothing more than two ticks late, whatever the distance; time goes in uneven steps.
TEST(TimerWheel, EverythingFallsDueInTime) {
    test::Random random;
    std::uint64_t now = 1'000'000;
    TimerWheel wheel(now);
    std::vector<std::unique_ptr<Named>> items;
    for (int i = 0; i < 2000; ++i) {
        items.push_back(std::make_unique<Named>());
        items.back()->due_ms = now + random.between(0, i % 2 ? 1'000 : 120'000);
        wheel.set(*items.back(), items.back()->due_ms);
    }
    while (!wheel.empty()) {
        now += random.between(1, kTick);
        wheel.advance(now, [&](TimerWheel::Item& item) { static_cast<Named&>(item).fell_ms = now; });
    }
    for (const auto& item : items) {
        EXPECT_GE(item->fell_ms, item->due_ms);
        EXPECT_LE(item->fell_ms, item->due_ms + 2 * kTick);
    }
}

// A process that was stopped for long: everything that is due falls at once, in one look.
TEST(TimerWheel, SurvivesALongSleep) {
    TimerWheel wheel(5'000);
    Named soon, late;
    wheel.set(soon, 6'000);
    wheel.set(late, 10'000'000);
    unsigned fallen = 0;
    wheel.advance(5'000'000, [&](TimerWheel::Item& item) {
        EXPECT_EQ(&item, &soon);
        ++fallen;
    });
    EXPECT_EQ(fallen, 1u);
    wheel.advance(11'000'000, [&](TimerWheel::Item&) { ++fallen; });
    EXPECT_EQ(fallen, 2u);
}

TEST(TimerWheel, SetAgainCancelledAndGone) {
    TimerWheel wheel(0);
    Named moved, cancelled;
    auto gone = std::make_unique<Named>();
    wheel.set(moved, 100);
    wheel.set(moved, 1'000);
    wheel.set(cancelled, 100);
    wheel.set(*gone, 100);
    wheel.cancel(cancelled);
    gone.reset();
    wheel.advance(500, [](TimerWheel::Item&) { ADD_FAILURE(); });
    EXPECT_FALSE(wheel.empty());
    unsigned fallen = 0;
    wheel.advance(1'500, [&](TimerWheel::Item&) { ++fallen; });
    EXPECT_EQ(fallen, 1u);
    EXPECT_TRUE(wheel.empty());
}

// What is called may destroy its neighbours and set itself again.
TEST(TimerWheel, ItemsMayChangeWhileTheyFall) {
    TimerWheel wheel(0);
    auto first = std::make_unique<Named>(), second = std::make_unique<Named>();
    wheel.set(*first, 100);
    wheel.set(*second, 100);
    unsigned fallen = 0;
    wheel.advance(1'000, [&](TimerWheel::Item& item) {
        ++fallen;
        (&item == first.get() ? second : first).reset();
        wheel.set(item, 2'000);
    });
    EXPECT_EQ(fallen, 1u);
    EXPECT_FALSE(wheel.empty());
}

}  // namespace portier::delivery
