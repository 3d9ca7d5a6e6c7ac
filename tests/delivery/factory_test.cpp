#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "delivery/delivery.hpp"
#include "delivery/plan.hpp"
#include "metrics/board.hpp"

namespace portier::delivery {

// The router delivers for `handoff` and stays out of the way for `inherit`.
TEST(MakeDelivery, KnowsWhereTheRouterAccepts) {
    boost::asio::io_context io(1);
    const metrics::BoardMemory board = metrics::BoardMemory::create();
    const DeliveryContext context{io, *board, [] {}, [](std::uint32_t) {}};
    EXPECT_NE(make_delivery({.name = "veg", .delivery = "handoff", .balance = "round-robin"}, context), nullptr);
    EXPECT_EQ(make_delivery({.name = "veg", .delivery = "inherit", .balance = "round-robin"}, context), nullptr);
}

}  // namespace portier::delivery
