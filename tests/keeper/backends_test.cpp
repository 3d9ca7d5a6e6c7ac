#include "keeper/backends.hpp"

#include <gtest/gtest.h>

namespace portier::keeper {

namespace {

config::Backend backend(const std::string& host, std::uint16_t port) {
    return {.text = host + ":" + std::to_string(port), .mark = {}, .host = host, .port = port, .path = {}};
}

net::Address address(const std::string& text) {
    return net::parse_address(text).value();
}

class BackendsTest : public testing::Test {
protected:
    BackendsTest() {
        handler_.name = "redis";
        handler_.delivery = config::Delivery::relay;
        handler_.connect = {backend("127.0.0.1", 1),
                            backend("db", 2),
                            {.text = "unix:/run/a", .mark = {}, .host = {}, .path = "/run/a", .weight = 7}};
    }

    config::Handler handler_;
    Addresses addresses_{{"db", {address("10.0.0.1"), address("::5")}}};
};

}  // namespace

// A name stands once for each of its addresses, and everything keeps its order and number.
TEST_F(BackendsTest, NamesBecomeTheirAddresses) {
    const auto backends = backends_of(handler_, addresses_);
    ASSERT_EQ(backends.size(), 4u);
    EXPECT_EQ(backends[0].plan.address, "127.0.0.1");
    EXPECT_EQ(backends[1].plan.address, "10.0.0.1");
    EXPECT_EQ(backends[1].plan.name, "db:2");
    EXPECT_EQ(backends[1].plan.port, 2);
    EXPECT_EQ(backends[2].plan.address, "::5");
    EXPECT_EQ(backends[2].entry, 1u);
    EXPECT_EQ(backends[3].plan.path, "/run/a");
    EXPECT_EQ(backends[3].plan.weight, 7u);
    EXPECT_EQ(backends[3].entry, 2u);
    EXPECT_EQ(backends[3].plan.number, 3u);
}

// The counters of an address stay its own whatever comes before it in the list.
TEST_F(BackendsTest, RowsGoByHandlerAndAddress) {
    const auto before = backend_row_names({.handlers = {handler_}}, addresses_);
    EXPECT_EQ(before.size(), 4u);
    handler_.connect.insert(handler_.connect.begin(), backend("127.0.0.1", 3));
    const auto after = backend_row_names({.handlers = {handler_}}, addresses_);
    EXPECT_EQ(after.size(), 5u);
    EXPECT_TRUE(std::includes(after.begin(), after.end(), before.begin(), before.end()));
    handler_.name = "other";
    EXPECT_FALSE(after.contains(backends_of(handler_, addresses_)[0].row_name));
}

// From an IPv4 address nobody connects to an IPv6 one.
TEST_F(BackendsTest, OtherFamiliesThanThatOfTheSourceAreLeftOut) {
    handler_.source_address = address("10.0.0.9");
    const auto backends = backends_of(handler_, addresses_);
    ASSERT_EQ(backends.size(), 3u);
    EXPECT_EQ(backends[1].plan.address, "10.0.0.1");
    EXPECT_EQ(backends[2].plan.number, 2u);
}

TEST_F(BackendsTest, NamesThatAreNotKnownHaveNone) {
    EXPECT_EQ(backends_of(handler_, {}).size(), 2u);
}

}  // namespace portier::keeper
