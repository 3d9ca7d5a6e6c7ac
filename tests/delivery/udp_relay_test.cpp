#include "delivery/udp_relay.hpp"

#include "delivery/udp_relay_case.hpp"

namespace portier::delivery {

namespace {

using test::UdpRelayCase;
using test::UdpSocket;

using UdpRelay_ = UdpRelayCase;

TEST_F(UdpRelay_, MovesDatagramsBothWays) {
    listen_on("127.0.0.1");
    const UdpSocket backend, client;
    add_backend(backend.endpoint());
    start();
    const auto answer = ask(client, "hello", &backend, "echo ");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->bytes, "echo hello");
    EXPECT_EQ(answer->from, asked);
    EXPECT_EQ(row().flows.created.get(), 1u);
    EXPECT_EQ(row().flows.datagrams_received.get(), 1u);
    EXPECT_EQ(row().flows.datagrams_sent.get(), 1u);
}

}  // namespace

}  // namespace portier::delivery
