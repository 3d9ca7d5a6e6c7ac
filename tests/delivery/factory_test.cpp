#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "delivery/delivery.hpp"
#include "delivery/plan.hpp"
#include "metrics/board.hpp"
#include "net/lingering_closer.hpp"

namespace portier::delivery {

// The router delivers for `handoff` and `spawn` and stays out of the way for `inherit` and inetd-wait.
TEST(MakeDelivery, KnowsWhereTheRouterAccepts) {
    boost::asio::io_context io(1);
    const metrics::BoardMemory board = metrics::BoardMemory::create();
    net::LingeringCloser closer;
    const DeliveryContext context{io, *board, closer, [] {}, [](std::uint32_t) {}, [](std::uint32_t) { return true; }};
    EXPECT_NE(make_delivery({.name = "veg", .delivery = "handoff", .balance = "round-robin"}, context), nullptr);
    EXPECT_EQ(make_delivery({.name = "veg", .delivery = "inherit", .balance = "round-robin"}, context), nullptr);
    EXPECT_NE(make_delivery({.name = "veg", .delivery = "spawn", .spawn = {.style = "inetd"}}, context), nullptr);
    EXPECT_EQ(make_delivery({.name = "veg", .delivery = "spawn", .spawn = {.style = "inetd-wait"}}, context), nullptr);
}

}  // namespace portier::delivery
