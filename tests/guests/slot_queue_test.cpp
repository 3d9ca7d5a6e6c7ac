#include "slot_queue.hpp"

#include <gtest/gtest.h>

namespace portier::guests {
namespace {

TEST(SlotQueue, GivesBackInOrderRoundAndRound) {
    SlotQueue queue(3);
    for (std::uint32_t slot = 0; slot < 3; ++slot) queue.push(slot);
    for (std::uint32_t turn = 0; turn < 10; ++turn) {
        const std::uint32_t slot = queue.pop();
        EXPECT_EQ(slot, turn % 3);
        queue.push(slot);
    }
    for (int i = 0; i < 3; ++i) queue.pop();
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace portier::guests
