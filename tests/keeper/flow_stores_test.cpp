#include "keeper/flow_stores.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "delivery/udp/flow_memory.hpp"

namespace portier::keeper {

namespace {

class FlowStoresTest : public testing::Test {
protected:
    FlowStoresTest() {
        for (const char* name : {"dns", "other"}) {
            config::Handler handler;
            handler.name = name;
            handler.delivery = config::Delivery::relay;
            config.handlers.push_back(handler);
        }
        config::Port port;
        port.key = "53/udp";
        port.protocol = config::Protocol::udp;
        port.first = port.last = 53;
        port.handler = "dns";
        port.max_flows = 10;
        config.ports = {port};
    }

    config::Port& port() { return config.ports[0]; }
    FlowStores build(const FlowStores& before = {}) { return FlowStores::build(config, before, next_number); }
    static std::size_t room(const FlowStore* store) {
        return delivery::FlowMemory(store->memory.second.get()).flows().size();
    }

    config::Config config;
    std::uint32_t next_number = 1;
};

TEST_F(FlowStoresTest, AreForUdpPortsOfRelays) {
    const FlowStores stores = build();
    const FlowStore* store = stores.of_port(port());
    ASSERT_TRUE(store);
    EXPECT_EQ(room(store), 10u);
    EXPECT_NE(store->memory.first, store->loopback_socket.first);
    config.handlers[0].delivery = config::Delivery::handoff;
    EXPECT_FALSE(build().of_port(port()));
    config.handlers[0].delivery = config::Delivery::relay;
    port().protocol = config::Protocol::tcp;
    EXPECT_FALSE(build().of_port(port()));
}

TEST_F(FlowStoresTest, StayOverReloads) {
    const FlowStores first = build();
    const std::uint32_t numbers = next_number;
    port().max_flows = 1000;
    const FlowStores second = build(first);
    EXPECT_EQ(first.of_port(port()), second.of_port(port()));
    EXPECT_EQ(next_number, numbers);
    EXPECT_EQ(room(second.of_port(port())), 1000u) << "grown where it is";
    port().max_flows = 1;
    EXPECT_EQ(room(build(second).of_port(port())), 1000u);
}

// A router is not trusted with more than the flows: it can neither take the memory away from the next one nor seal it
// against that.
TEST_F(FlowStoresTest, StayUsableWhateverARouterDoes) {
    const FlowStores stores = build();
    const int memory = stores.of_port(port())->memory.second.get();
    EXPECT_EQ(::ftruncate(memory, 0), -1);
    EXPECT_EQ(errno, EPERM);
    for (const int seal : {F_SEAL_WRITE, F_SEAL_FUTURE_WRITE, F_SEAL_GROW}) {
        EXPECT_EQ(::fcntl(memory, F_ADD_SEALS, seal), -1);
        EXPECT_EQ(errno, EPERM);
    }
    port().max_flows = 20;
    EXPECT_EQ(room(build(stores).of_port(port())), 20u);
}

TEST_F(FlowStoresTest, BelongToOneHandler) {
    const FlowStores first = build();
    const std::uint32_t number = first.of_port(port())->memory.first;
    port().handler = "other";
    EXPECT_NE(build(first).of_port(port())->memory.first, number);
}

}  // namespace

}  // namespace portier::keeper
