#include "desk/proxied_ledger.hpp"

#include <gtest/gtest.h>

#include <map>

#include "support/random.hpp"

namespace portier::desk {

namespace {

metrics::ProxiedEnds ends_of(std::uint16_t number) {
    return {.client_family = 4,
            .local_family = 6,
            .client_port = number,
            .local_port = 443,
            .client = {10, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)},
            .local = {0x20, 0x01}};
}

const auto kAllLive = [](std::uint64_t) { return true; };

}  // namespace

// What is put is found until it is removed, in whatever order, and a router that takes over finds the same.
TEST(ProxiedLedger, KeepsWhatWasPut) {
    test::Random random;
    auto board = metrics::BoardMemory::create();
    auto ledger = std::make_unique<ProxiedLedger>(*board);
    std::map<std::uint64_t, std::uint16_t> wanted;
    for (int round = 0; round < 5000; ++round) {
        const std::uint64_t cookie = random.between(1, 300);
        const auto number = static_cast<std::uint16_t>(random.between(0, 65535));
        if (random.between(0, 1)) {
            ASSERT_TRUE(ledger->put(cookie, ends_of(number)));
            wanted[cookie] = number;
        } else {
            ASSERT_EQ(ledger->remove(cookie).has_value(), wanted.erase(cookie) == 1);
        }
        if (random.between(0, 500) == 0) {
            ledger = std::make_unique<ProxiedLedger>(*board);
            ledger->restore(kAllLive);
        }
        ASSERT_EQ(board->proxied_size.load(), wanted.size());
    }
    for (std::uint64_t cookie = 1; cookie <= 300; ++cookie) {
        const auto found = ledger->find(cookie);
        ASSERT_EQ(found.has_value(), wanted.contains(cookie));
        if (!found) continue;
        EXPECT_EQ(found->client.port, wanted[cookie]);
        EXPECT_EQ(found->client.address.bytes, ends_of(wanted[cookie]).client);
        EXPECT_EQ(net::to_string(found->local), "[2001::]:443");
    }
}

// A router killed in the middle of a removal leaves its last entry twice; one killed before it leaves an entry of a
// connection that has ended.
TEST(ProxiedLedger, SettlesWhatADeadRouterLeft) {
    auto board = metrics::BoardMemory::create();
    ProxiedLedger before(*board);
    for (std::uint16_t number = 1; number <= 4; ++number) before.put(number, ends_of(number));
    board->proxied[1].cookie = 4;  // torn: the ends are still those of 2

    ProxiedLedger after(*board);
    after.restore([](std::uint64_t cookie) { return cookie != 3; });
    EXPECT_EQ(board->proxied_size.load(), 2u);
    EXPECT_EQ(after.find(1)->client.port, 1);
    EXPECT_EQ(after.find(4)->client.port, 4);
    EXPECT_FALSE(after.find(2));
    EXPECT_FALSE(after.find(3));
}

// Full is full: nothing is overwritten, and it says so.
TEST(ProxiedLedger, IsBounded) {
    auto board = metrics::BoardMemory::create();
    ProxiedLedger ledger(*board);
    board->proxied_size.store(metrics::kMaxProxied);
    EXPECT_FALSE(ledger.put(1, ends_of(1)));
    EXPECT_FALSE(ledger.find(1));
}

}  // namespace portier::desk
