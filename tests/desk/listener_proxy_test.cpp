// A listener of a port whose connections come with a PROXY header.
#include <gtest/gtest.h>

#include "desk/listener_case.hpp"

namespace portier::desk {

namespace {

using metrics::Rejected;

class ListenerProxyTest : public test::ListenerCase {
protected:
    void start_proxied(const delivery::AdmissionPlan& plan = {}) {
        port_.proxy = {{{test::kLoopback, 32}}, std::chrono::seconds(60)};
        start(plan);
    }
    static std::string header(const std::string& source) { return "PROXY TCP4 " + source + " 192.0.2.1 1001 443\r\n"; }

    Fd proxied_client(const std::string& source) const {
        Fd socket = client();
        test::send_all(socket, header(source) + "data");
        return socket;
    }
};

}  // namespace

// The client is who the header says, for the record as for admission, and the stream begins behind the header.
TEST_F(ListenerProxyTest, DeliversWithTheTrueEnds) {
    start_proxied();
    const Fd one = proxied_client("192.0.2.99");
    ASSERT_TRUE(run_until_delivered(1));
    const delivery::Accepted& accepted = delivery_.delivered[0];
    EXPECT_EQ(net::to_string(accepted.remote), "192.0.2.99:1001");
    EXPECT_EQ(net::to_string(accepted.local), "192.0.2.1:443");
    EXPECT_EQ(accepted.cookie, net::socket_cookie(accepted.socket.get()));
    EXPECT_EQ(accepted.header_size, header("192.0.2.99").size());
    EXPECT_EQ(test::receive_exactly(accepted.socket, 4), "data");
    EXPECT_EQ(port_.row->accepted.get(), 1u);
}

// A header without an address leaves the socket's own ends.
TEST_F(ListenerProxyTest, DeliversWithTheSocketsEnds) {
    start_proxied();
    const Fd one = client();
    test::send_all(one, "PROXY UNKNOWN\r\n");
    ASSERT_TRUE(run_until_delivered(1));
    EXPECT_EQ(delivery_.delivered[0].remote, net::local_endpoint(one.get()));
    EXPECT_EQ(delivery_.delivered[0].local, (net::Endpoint{test::kLoopback, number_}));
}

// Others are refused, with a header or without: otherwise anybody could be anybody.
TEST_F(ListenerProxyTest, RefusesEverybodyElse) {
    start_proxied();
    const net::Endpoint stranger{{4, {127, 0, 0, 9}}, 0};
    const Fd honest = test::connect_to({test::kLoopback, number_}, stranger);
    const Fd forger = test::connect_to({test::kLoopback, number_}, stranger);
    test::send_all(forger, header("192.0.2.99"));
    ASSERT_TRUE(run_until_rejected(Rejected::denied, 2));
    EXPECT_TRUE(delivery_.delivered.empty());
    EXPECT_EQ(test::receive_all(honest), "");
}

// Limits, networks and rates count the true source.
TEST_F(ListenerProxyTest, AdmitsByTheTrueSource) {
    start_proxied({.max_connections_per_source = 1, .deny = {{"192.0.2.66", 32}}});
    const Fd denied = proxied_client("192.0.2.66");
    ASSERT_TRUE(run_until_rejected(Rejected::denied, 1));
    const Fd first = proxied_client("192.0.2.1"), second = proxied_client("192.0.2.1");
    const Fd other = proxied_client("192.0.2.2");
    ASSERT_TRUE(run_until_delivered(2));
    ASSERT_TRUE(run_until_rejected(Rejected::source_limit, 1));
    port_.admission->ended(*net::parse_address("192.0.2.1"));
    const Fd third = proxied_client("192.0.2.1");
    EXPECT_TRUE(run_until_delivered(3));
}

// Who is slow does not hold up who comes later.
TEST_F(ListenerProxyTest, NobodyWaitsForTheSlow) {
    start_proxied();
    const Fd slow = client();
    test::send_all(slow, header("192.0.2.1").substr(0, 7));
    const Fd quick = proxied_client("192.0.2.2");
    ASSERT_TRUE(run_until_delivered(1));
    EXPECT_EQ(net::to_string(delivery_.delivered[0].remote), "192.0.2.2:1001");
    test::send_all(slow, header("192.0.2.1").substr(7));
    ASSERT_TRUE(run_until_delivered(2));
    EXPECT_EQ(net::to_string(delivery_.delivered[1].remote), "192.0.2.1:1001");
}

// Those whose header has come while nobody had room wait with us, without spinning, until somebody has.
TEST_F(ListenerProxyTest, WaitsForRoomBehindTheGate) {
    delivery_.room = 1;
    start_proxied();
    const auto two = clients(2);
    const Fd three = client();
    ASSERT_TRUE(test::run_until(io_, [&] { return gate_.waiting(kNumber) == 3; }));
    for (const Fd& one : two) test::send_all(one, header("192.0.2.1"));
    ASSERT_TRUE(test::run_until(io_, [&] { return gate_.waiting(kNumber) == 1 && delivery_.demands == 1; }));
    EXPECT_EQ(delivery_.delivered.size(), 1u);
    test::send_all(three, header("192.0.2.3"));
    ASSERT_TRUE(test::run_until(io_, [&] { return gate_.waiting(kNumber) == 0; }));
    for (int i = 0; i < 100; ++i) test::run_ready(io_);
    EXPECT_EQ(delivery_.demands, 1u) << "it spins";
    EXPECT_EQ(starved_.size(), 1u);
    delivery_.room = 10;
    listener_->resume();
    ASSERT_TRUE(run_until_delivered(3));
    EXPECT_EQ(net::to_string(delivery_.delivered[2].remote), "192.0.2.3:1001");
}

// `over_limit: wait` holds for those at the gate, too: nobody is refused.
TEST_F(ListenerProxyTest, WaitsAtTheLimitBehindTheGate) {
    start_proxied({.max_connections = 1, .over_limit = "wait"});
    const auto two = clients(2);
    ASSERT_TRUE(test::run_until(io_, [&] { return gate_.waiting(kNumber) == 2; }));
    for (const Fd& one : two) test::send_all(one, header("192.0.2.1"));
    ASSERT_TRUE(run_until_delivered(1));
    for (int i = 0; i < 100; ++i) test::run_ready(io_);
    EXPECT_EQ(delivery_.delivered.size(), 1u);
    EXPECT_EQ(rejected(Rejected::limit), 0u);
    port_.row->closed[0].add();
    EXPECT_TRUE(run_until_delivered(2));
}

// A port that is removed: whose header has come is delivered, room or not, and the others are refused and counted.
TEST_F(ListenerProxyTest, FinishesWithTheGate) {
    delivery_.room = 1;
    start_proxied();
    const auto three = clients(3);
    const Fd silent = client();
    ASSERT_TRUE(test::run_until(io_, [&] { return gate_.waiting(kNumber) == 4; }));
    for (const Fd& one : three) test::send_all(one, header("192.0.2.1"));
    ASSERT_TRUE(test::run_until(io_, [&] { return gate_.waiting(kNumber) == 1 && delivery_.demands == 1; }));
    listener_->finish();
    EXPECT_EQ(delivery_.delivered.size(), 3u);
    EXPECT_EQ(rejected(Rejected::proxy_timeout), 1u);
    EXPECT_EQ(gate_.waiting(kNumber), 0u);
}

}  // namespace portier::desk
