#include "delivery/udp/relay.hpp"

#include <sys/mman.h>

#include "delivery/udp/relay_case.hpp"
#include "support/log_capture.hpp"
#include "support/random.hpp"

namespace portier::delivery {

namespace {

using metrics::FlowClosed;
using test::UdpSocket;

class UdpRelayTest : public test::UdpRelayCase {};

TEST_F(UdpRelayTest, MovesDatagramsBothWays) {
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

TEST_F(UdpRelayTest, AReloadLeavesFlowsWhereTheyAre) {
    listen_on("127.0.0.1");
    const UdpSocket first, second, client;
    add_backend(first.endpoint());
    start();
    client.send("before", asked);
    const auto before = next(first);
    handler.relay.backends.clear();
    add_backend(second.endpoint());
    add_backend(first.endpoint());
    apply();
    client.send("after", asked);
    const auto after = next(first);
    ASSERT_TRUE(before && after);
    EXPECT_EQ(before->from, after->from);
    EXPECT_EQ(row().flows.created.get(), 1u);
}

TEST_F(UdpRelayTest, AFlowSurvivesTheRouter) {
    for (const char* address : {"127.0.0.1", "::1"}) {
        SCOPED_TRACE(address);
        handler.relay.backends.clear();
        listen_on("127.0.0.1");
        const UdpSocket backend(address), other(address), client;
        add_backend(backend.endpoint());
        start();
        client.send("before", asked);
        const auto before = next(backend);
        ASSERT_TRUE(before);
        crash();
        client.send("while there is none", asked);
        if (std::string(address) == "127.0.0.1") backend.send("for the next one", before->from);
        handler.relay.backends.clear();
        add_backend(other.endpoint());  // would be the first choice of a new flow
        add_backend(backend.endpoint());
        start();
        const auto after = next(backend);
        ASSERT_TRUE(after);
        EXPECT_EQ(after->bytes, "while there is none");
        EXPECT_EQ(after->from, before->from) << "seen from the backend nothing has changed";
        if (std::string(address) == "127.0.0.1") {
            EXPECT_EQ(next(client)->bytes, "for the next one");
        }
        backend.send("answer", after->from);
        EXPECT_EQ(next(client)->bytes, "answer");
        EXPECT_EQ(row().active_flows(), 1u);
        relay.reset();
        test::run_ready(*io);
    }
}

TEST_F(UdpRelayTest, APortThatIsGoneEndsItsFlows) {
    listen_on("127.0.0.1");
    const UdpSocket backend, client;
    add_backend(backend.endpoint());
    start();
    ASSERT_TRUE(ask(client, "hello", &backend));
    EXPECT_TRUE(relay->idle());
    relay->keep_ports({});
    relay->apply(handler, {}, descriptors);
    EXPECT_FALSE(relay->idle());
    test::run_ready(*io);
    EXPECT_TRUE(relay->idle());
    EXPECT_EQ(closed(FlowClosed::handler_close), 1u);
    descriptors.forget_ended();
    EXPECT_FALSE(descriptors.share(kListener)) << "nobody holds it any more";
    EXPECT_FALSE(descriptors.share(kLoopbackSocket));
}

TEST_F(UdpRelayTest, SocketsPassToAnotherHandler) {
    listen_on("127.0.0.1");
    const UdpSocket backend, client;
    add_backend(backend.endpoint());
    start();
    ASSERT_TRUE(ask(client, "hello", &backend));
    UdpRelay other(*io, *board);
    other.apply(handler, {port}, descriptors);
    relay.reset();
    test::run_ready(*io);
    EXPECT_TRUE(ask(client, "again", &backend));
}

// Nothing of theirs is left for the next owner to count.
TEST_F(UdpRelayTest, PortsThatAreNotKeptEndTheirFlows) {
    listen_on("127.0.0.1");
    const UdpSocket backend, client;
    add_backend(backend.endpoint());
    start();
    ASSERT_TRUE(ask(client, "hello", &backend));
    EXPECT_FALSE(relay->keep_ports({port.row, 7}));
    EXPECT_TRUE(relay->keep_ports({7}));
    test::run_ready(*io);
    EXPECT_TRUE(relay->idle());
    EXPECT_EQ(closed(FlowClosed::handler_close), 1u);
    EXPECT_FALSE(relay->keep_ports({7})) << "done already";
}

TEST_F(UdpRelayTest, APortThatCannotBeServedLeavesNoFlowCounted) {
    const test::LogCapture quiet;
    listen_on("127.0.0.1");
    const UdpSocket backend, client;
    add_backend(backend.endpoint());
    start();
    ASSERT_TRUE(ask(client, "hello", &backend));
    ASSERT_EQ(row().active_flows(), 1u);
    descriptors = {};
    descriptors.add(kListener, Fd(::dup(listener.get())));
    descriptors.add(kMemory, Fd(::memfd_create("nothing", MFD_CLOEXEC)));
    descriptors.add(kLoopbackSocket, Fd(::dup(loopback_socket.get())));
    apply();
    EXPECT_NE(quiet.text().find("not served"), std::string::npos);
    EXPECT_EQ(row().active_flows(), 0u);
    EXPECT_EQ(closed(FlowClosed::error), 1u);
}

TEST_F(UdpRelayTest, GarbageInTheMemoryHarmsNobody) {
    test::Random random;
    listen_on("127.0.0.1");
    const UdpSocket backend, client;
    add_backend(backend.endpoint());
    start();
    ASSERT_TRUE(ask(client, "hello", &backend));
    for (int round = 0; round < 20; ++round) {
        crash();
        {
            const FlowMemory left(memory.get());
            left.marks().used = static_cast<std::uint32_t>(left.flows().size());
            for (std::byte& byte : std::as_writable_bytes(left.flows()))
                if (random.between(0, 3) == 0) byte = static_cast<std::byte>(random());
        }
        start();
        ASSERT_TRUE(ask(client, "still there", &backend));
        EXPECT_LE(row().active_flows(), 100u);
    }
}

TEST_F(UdpRelayTest, WithoutItsDescriptorsAPortIsNotServed) {
    listen_on("127.0.0.1");
    const UdpSocket backend;
    add_backend(backend.endpoint());
    io = std::make_unique<boost::asio::io_context>(1);
    relay = std::make_unique<UdpRelay>(*io, *board);
    apply();
    EXPECT_EQ(row().flows.created.get(), 0u);
}

}  // namespace

}  // namespace portier::delivery
