#include "desk/dump_pace.hpp"

#include <gtest/gtest.h>

namespace portier::desk {

using std::chrono::microseconds;

// However soon the next one is wanted: a dump of 100 us is followed by 5,000 us without one.
TEST(DumpPace, RestsFiftyTimesTheCost) {
    DumpPace pace;
    EXPECT_EQ(pace.delay(microseconds(10), 1'000'000), microseconds(10)) << "the first one waits for nothing";
    EXPECT_TRUE(pace.may_begin(0));
    pace.ended(1'000'000, 1'000'100);
    EXPECT_EQ(pace.delay(microseconds(10), 1'000'100), microseconds(5000));
    EXPECT_EQ(pace.delay(microseconds(10), 1'004'100), microseconds(1000));
    EXPECT_EQ(pace.delay(microseconds(7000), 1'000'100), microseconds(7000));
    EXPECT_FALSE(pace.may_begin(1'005'099));
    EXPECT_TRUE(pace.may_begin(1'005'100));
    EXPECT_EQ(pace.delay(microseconds(10), 1'005'100), microseconds(10));
}

}  // namespace portier::desk
