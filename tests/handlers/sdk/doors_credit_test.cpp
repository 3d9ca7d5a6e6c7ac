// Doors and the descriptor limit: the credit that it offers, and what happens when it was too large.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "held.hpp"
#include "router_end.hpp"
#include "sdk/doors.hpp"

namespace portier::sdk {
namespace {

using net::HandoffType;
using State = Doors::State;

// Plays a router that always uses the whole window against a program that closes nothing: no descriptor may be lost.
TEST(DoorsCredit, CreditStaysWithinTheDescriptorLimit) {
    RouterEnd router;
    const Fd handler = router.handler_end();
    Held held;
    std::uint64_t sent = 0, taken = 0, window = 0;
    const auto listen = [&] {
        while (const auto message = router.next()) {
            if (message->type == HandoffType::credit) window = message->credit;
            if (message->type != HandoffType::taken) continue;
            taken = message->taken;
            EXPECT_LE(sent - taken, window + net::kMaxDoors);
        }
    };
    constexpr rlim_t kLimit = 400;
    const DescriptorLimit limit(kLimit);
    Doors doors(Fd(::fcntl(handler.get(), F_DUPFD_CLOEXEC, 0)));
    listen();
    EXPECT_LT(window, kLimit);
    while (window > 0) {
        while (sent - taken < window) {
            const auto count = static_cast<unsigned>(std::min<std::uint64_t>(16, window - (sent - taken)));
            // The other ends share our descriptor table, so they are closed at once; a real router is elsewhere.
            router.send_doors(sent + 1, count);
            sent += count;
        }
        ASSERT_EQ(receive(doors, held), State::open);
        listen();
        ASSERT_EQ(taken, sent);
    }
    EXPECT_EQ(held.sockets.size(), sent);
    EXPECT_EQ(doors.lost(), 0u);
    EXPECT_GT(sent, kLimit / 2);
    EXPECT_LT(sent, kLimit);

    // What is closed is offered again.
    const std::size_t count = held.sockets.size();
    held.sockets.clear();
    doors.closed(count);
    listen();
    EXPECT_GT(window, 0u);
}

TEST(DoorsCredit, SmallerCreditLeavesBeforeTheTakenThatWouldOpenTheWindow) {
    RouterEnd router;
    const DescriptorLimit limit(200);
    Doors doors(router.handler_end());
    const auto first = router.next();
    ASSERT_TRUE(first);
    const auto window = first->credit;
    ASSERT_LE(window, 128u);
    Held held;
    for (std::uint64_t sent = 0; sent < window; sent += 16) router.send_doors(sent + 1, 16);
    receive(doors, held);
    const auto credit = router.next();
    ASSERT_TRUE(credit);
    EXPECT_EQ(credit->type, HandoffType::credit);
    EXPECT_LT(credit->credit, window);
    const auto taken = router.next();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->type, HandoffType::taken);
}

TEST(DoorsCredit, ComingAndGoingDoesNotChangeTheCredit) {
    RouterEnd router;
    Doors doors(router.handler_end());
    router.next();
    for (std::uint64_t id = 1; id <= 1000; ++id) {
        Held held;
        router.send_doors(id, 1);
        receive(doors, held);
        doors.closed(1);
        const auto taken = router.next();
        ASSERT_TRUE(taken);
        ASSERT_EQ(taken->type, HandoffType::taken);
        ASSERT_FALSE(router.next());
    }
}

TEST(DoorsCredit, ADescriptorLimitWithoutRoomIsAnError) {
    RouterEnd router;
    Fd handler = router.handler_end();
    const DescriptorLimit limit(4);
    EXPECT_THROW(Doors(std::move(handler)), std::runtime_error);
}

// The program opened files behind our back and the kernel had to drop descriptors: the rest is served, the loss is
// counted, and the window closes.
TEST(DoorsCredit, LostDescriptorsAreNoticed) {
    RouterEnd router;
    Doors doors(router.handler_end());
    router.next();
    const auto far = router.send_doors(1, 8);
    std::vector<Fd> holes;  // the numbers of the eight near ends are free again: fill them
    for (int i = 0; i < 8; ++i) holes.emplace_back(::fcntl(doors.fd(), F_DUPFD_CLOEXEC, 0));
    const Fd lowest(::fcntl(doors.fd(), F_DUPFD_CLOEXEC, 0));
    Held held;
    {
        const DescriptorLimit limit(static_cast<rlim_t>(lowest.get()) + 4);
        EXPECT_EQ(receive(doors, held), State::open);
    }
    EXPECT_EQ(held.ids, (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_EQ(doors.lost(), 5u);
    const auto credit = router.next();
    ASSERT_TRUE(credit);
    EXPECT_EQ(credit->credit, 0u);
    const auto taken = router.next();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->taken, 8u);
}

}  // namespace
}  // namespace portier::sdk
