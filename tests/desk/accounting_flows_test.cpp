// Accounting of UDP flows that were handed off: the kernel tells of their ends, too, and the desk hears of each.
#include <gtest/gtest.h>

#include "desk/accounting_case.hpp"
#include "net/udp_flow.hpp"
#include "support/flow_client.hpp"
#include "support/free_port.hpp"

namespace portier::desk {

namespace {

using metrics::FlowClosed;

class AccountingFlowsTest : public test::AccountingCase {
protected:
    AccountingFlowsTest() {
        plan_.ports = {{.key = "flows", .row = kRow, .protocol = "udp", .first = number_, .last = number_}};
    }

    static Fd open_flow_events() {
        Fd events = net::open_destroy_events(1 << 22);
        EXPECT_FALSE(net::join_destroy_events(events.get(), net::DestroyGroup::udp_ipv4));
        return events;
    }

    // What desk and delivery do.
    Fd flow() {
        clients_.push_back(test::udp_client({test::kLoopback, number_}));
        std::error_code error;
        Fd socket = net::bind_flow_socket({test::kLoopback, number_}, 0, error);
        EXPECT_FALSE(net::connect_flow_socket(socket.get(), net::local_endpoint(clients_.back().get()), 0));
        row().flows.created.add();
        row().flows.handed.add();
        hand_on(socket, kProcess);
        return socket;
    }

    std::uint64_t ended(FlowClosed reason) { return row().flows_ended[static_cast<std::size_t>(reason)].get(); }
    bool run_until_ended(std::uint64_t count) {
        return test::run_until(io_, [&] { return row().total_flows_ended() == count; });
    }

    std::uint16_t number_ = test::free_ports();
    Fd shared_ = net::open_udp_socket({std::nullopt, number_}, true);
    std::vector<Fd> clients_;
};

}  // namespace

// The end of a flow is the process's doing; neither it nor the flow itself touches the counts of connections.
TEST_F(AccountingFlowsTest, CountsEnds) {
    start(open_flow_events());
    Fd one = flow(), two = flow();
    const std::uint64_t cookie = net::socket_cookie(one.get());
    EXPECT_EQ(row().active_flows(), 2u);
    EXPECT_EQ(process().active(), 2u);
    one.reset();
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_EQ(ended(FlowClosed::handler_close), 1u);
    EXPECT_EQ(row().active_flows(), 1u);
    EXPECT_EQ(process().active(), 1u);
    EXPECT_EQ(ended_flows_, (std::vector<std::pair<std::uint32_t, std::uint64_t>>{{kRow, cookie}}));
    EXPECT_EQ(row().total_closed(), 0u);
    EXPECT_EQ(row().active(), 0u);
}

// Ends that the desk has asked for count as evicted, as many as it has asked for.
TEST_F(AccountingFlowsTest, KnowsWhichWereAskedFor) {
    start(open_flow_events());
    Fd one = flow(), two = flow();
    row().flows.evictions.add(1);
    one.reset();
    ASSERT_TRUE(run_until_ended(1));
    two.reset();
    ASSERT_TRUE(run_until_ended(2));
    EXPECT_EQ(ended(FlowClosed::evicted), 1u);
    EXPECT_EQ(ended(FlowClosed::handler_close), 1u);
}

// The shared socket, and one that was never handed over, are nobody's flow.
TEST_F(AccountingFlowsTest, IgnoresOtherSockets) {
    start(open_flow_events());
    Fd one = flow();
    { const Fd not_a_flow = net::open_udp_socket({test::kLoopback, number_}, false); }
    shared_.reset();
    one.reset();
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_EQ(ended_flows_.size(), 1u);
}

// Without events a dump finds who has gone, and who has not.
TEST_F(AccountingFlowsTest, FindsLostEnds) {
    start(Fd());
    Fd one = flow();
    const Fd two = flow();
    one.reset();
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_EQ(ended(FlowClosed::unknown), 1u);
    EXPECT_EQ(row().total_closed(), 0u);
    EXPECT_EQ(ended_flows_.size(), 1u);
}

// A router that died between counting a flow and handing it over has lost it.
TEST_F(AccountingFlowsTest, SettlesAfterACrash) {
    row().flows.created.add();
    row().flows.handed.add();
    const Fd one = flow();
    start(open_flow_events());
    EXPECT_EQ(ended(FlowClosed::unknown), 1u);
    EXPECT_EQ(row().active_flows(), 1u);
}

}  // namespace portier::desk
