#include "net/udp_flow.hpp"

#include <gtest/gtest.h>

#include "net/datagrams.hpp"
#include "net/sock_diag.hpp"
#include "net/socket.hpp"
#include "support/flow_client.hpp"
#include "support/free_port.hpp"
#include "support/wait.hpp"

namespace portier::net {

namespace {

const Address kOther{4, {127, 0, 0, 9}};

struct Flow {
    FlowEndpoints ends;
    Fd client, socket;
};

Flow make_flow(std::uint16_t port) {
    Flow flow{{}, test::udp_client({test::kLoopback, port}), Fd()};
    flow.ends = {local_endpoint(flow.client.get()), {test::kLoopback, port}};
    std::error_code error;
    flow.socket = bind_flow_socket(flow.ends.local, 0, error);
    EXPECT_FALSE(error) << error.message();
    EXPECT_FALSE(connect_flow_socket(flow.socket.get(), flow.ends.remote, 0));
    return flow;
}

}  // namespace

// A connected socket gets what its client sends; what came before stays where it was, and others' goes on coming there.
TEST(UdpFlow, TakesItsClientsDatagramsOnly) {
    for (const bool wildcard : {false, true}) {
        const std::uint16_t port = test::free_ports();
        const Fd shared = open_udp_socket({wildcard ? std::nullopt : std::optional(test::kLoopback), port}, true);
        const Fd early = test::udp_client({test::kLoopback, port});
        test::send_text(early, "early");
        const Flow flow = make_flow(port);
        test::send_text(flow.client, "mine");
        test::send_text(early, "late");
        EXPECT_EQ(test::receive_text(flow.socket), "mine");
        EXPECT_EQ(test::receive_text(flow.socket), std::nullopt);
        EXPECT_EQ(test::receive_text(shared), "early");
        EXPECT_EQ(test::receive_text(shared), "late");
    }
}

// The new socket is between its bind and its connect anybody's, and keeps what it got.
TEST(UdpFlow, CatchesStraysUntilItIsConnected) {
    const std::uint16_t port = test::free_ports();
    const Fd shared = open_udp_socket({std::nullopt, port}, true);
    const Fd stray = test::udp_client({test::kLoopback, port}), own = test::udp_client({test::kLoopback, port});
    std::error_code error;
    const Fd socket = bind_flow_socket({test::kLoopback, port}, 0, error);
    test::send_text(stray, "stray");
    ASSERT_FALSE(connect_flow_socket(socket.get(), local_endpoint(own.get()), 0));
    test::send_text(stray, "next");
    test::send_text(own, "mine");
    EXPECT_EQ(test::receive_text(socket), "stray");
    EXPECT_EQ(test::receive_text(socket), "mine");
    EXPECT_EQ(test::receive_text(socket), std::nullopt);
    EXPECT_EQ(test::receive_text(shared), "next");
}

TEST(UdpFlow, IsNonBlockingAndClosesOnExec) {
    const std::uint16_t port = test::free_ports();
    const Fd shared = open_udp_socket({test::kLoopback, port}, true);
    const Flow flow = make_flow(port);
    EXPECT_TRUE(::fcntl(flow.socket.get(), F_GETFL) & O_NONBLOCK);
    EXPECT_TRUE(::fcntl(flow.socket.get(), F_GETFD) & FD_CLOEXEC);
}

TEST(UdpFlow, SaysWhyItCannotBeBound) {
    std::error_code error;
    EXPECT_FALSE(bind_flow_socket({{4, {203, 0, 113, 1}}, 7001}, 0, error));
    EXPECT_EQ(error, std::errc::address_not_available);
}

TEST(UdpFlow, KnowsWhoCannotBeConnectedTo) {
    EXPECT_TRUE(can_be_connected({test::kLoopback, 1}));
    EXPECT_FALSE(can_be_connected({test::kLoopback, 0}));
    EXPECT_FALSE(can_be_connected({{4, {}}, 53}));
    EXPECT_FALSE(can_be_connected({{6, {}}, 53}));
}

// The kernel knows whether this very socket is still there, not only one that looks like it.
TEST(UdpFlow, IsOpenUntilItIsClosed) {
    const std::uint16_t port = test::free_ports();
    const Fd shared = open_udp_socket({test::kLoopback, port}, true);
    Flow flow = make_flow(port);
    const std::uint64_t cookie = socket_cookie(flow.socket.get());
    EXPECT_TRUE(is_open_flow(cookie, flow.ends));
    EXPECT_FALSE(is_open_flow(cookie + 1'000'000, flow.ends));
    FlowEndpoints other = flow.ends;
    other.local.address = kOther;
    EXPECT_FALSE(is_open_flow(cookie, other));
    flow.socket.reset();
    EXPECT_FALSE(is_open_flow(cookie, flow.ends));
}

// The end of a flow is announced like that of a connection, and as one of datagrams.
TEST(UdpFlow, EndIsAnnounced) {
    const std::uint16_t port = test::free_ports();
    const Fd events = open_destroy_events(1 << 20);
    ASSERT_FALSE(join_destroy_events(events.get(), DestroyGroup::udp_ipv4));
    const std::vector<PortInterval> ports{{port, port}};
    ASSERT_FALSE(filter_destroy_events(events.get(), ports));
    const Fd shared = open_udp_socket({std::nullopt, port}, true);
    Flow flow = make_flow(port);
    const std::uint64_t cookie = socket_cookie(flow.socket.get());
    flow.socket.reset();
    std::optional<SocketReport> end;
    ASSERT_TRUE(test::eventually([&] {
        read_destroy_events(events.get(), 100, [&](const SocketReport& report) {
            if (report.cookie == cookie) end = report;
        });
        return end.has_value();
    }));
    EXPECT_TRUE(end->datagrams);
    EXPECT_EQ(end->local, flow.ends.local);
    EXPECT_EQ(end->remote, flow.ends.remote);
}

}  // namespace portier::net
