#include "desk/suspects.hpp"

#include <gtest/gtest.h>

namespace portier::desk {

// Given up is who was suspected long enough since the first time, and not cleared meanwhile.
TEST(Suspects, GivesUpWhoIsOverdue) {
    Suspects suspects;
    suspects.add({.cookie = 1, .port = 7}, 1000);
    suspects.add({.cookie = 2}, 1000);
    suspects.add({.cookie = 3}, 1400);
    suspects.add({.cookie = 1, .port = 7}, 1400);
    suspects.clear(2);
    EXPECT_TRUE(suspects.give_up(1499, 500).empty());
    const auto overdue = suspects.give_up(1500, 500);
    ASSERT_EQ(overdue.size(), 1u);
    EXPECT_EQ(overdue[0].cookie, 1u);
    EXPECT_EQ(overdue[0].port, 7u);
    EXPECT_FALSE(suspects.empty());
    EXPECT_EQ(suspects.give_up(1900, 500).size(), 1u);
    EXPECT_TRUE(suspects.empty());
}

// A late announcement is recognised, once, and only of who was given up.
TEST(Suspects, RecognisesLateAnnouncements) {
    Suspects suspects;
    suspects.add({.cookie = 1}, 0);
    suspects.give_up(500, 500);
    suspects.add({.cookie = 2}, 500);
    EXPECT_TRUE(suspects.was_given_up(1));
    EXPECT_FALSE(suspects.was_given_up(1));
    EXPECT_FALSE(suspects.was_given_up(2));
}

// However many are given up, only the last ones are remembered.
TEST(Suspects, ForgetsTheOldest) {
    Suspects suspects;
    for (std::uint64_t cookie = 1; cookie <= 65537; ++cookie) {
        suspects.add({.cookie = cookie}, 0);
        suspects.give_up(1, 1);
    }
    EXPECT_FALSE(suspects.was_given_up(1));
    EXPECT_TRUE(suspects.was_given_up(2));
    EXPECT_TRUE(suspects.was_given_up(65537));
}

}  // namespace portier::desk
