#include "delivery/udp/port.hpp"

#include "delivery/udp/relay_case.hpp"
#include "net/proxy_protocol.hpp"

namespace portier::delivery {

namespace {

using metrics::Dropped;
using metrics::FlowClosed;
using test::Letter;
using test::UdpSocket;

class UdpPortTest : public test::UdpRelayCase {
protected:
    void serve(const UdpSocket& backend, const std::string& address = "127.0.0.1") {
        listen_on(address);
        add_backend(backend.endpoint());
        start();
    }
    std::string with_header(const net::Endpoint& client, const net::Endpoint& destination, const std::string& bytes) {
        const auto header = net::encode_proxy_v2({IPPROTO_UDP, client, destination});
        return std::string(reinterpret_cast<const char*>(header.data()), header.size()) + bytes;
    }
};

TEST_F(UdpPortTest, EachFlowHasItsOwnAddressTowardsALocalBackend) {
    const UdpSocket backend, one, other;
    serve(backend);
    for (const UdpSocket* client : {&one, &other, &one}) client->send("hello", asked);
    const auto first = next(backend), second = next(backend), third = next(backend);
    ASSERT_TRUE(first && second && third);
    EXPECT_NE(first->from.address, second->from.address);
    EXPECT_EQ(first->from, third->from) << "a flow keeps it";
    EXPECT_EQ(first->from.address.bytes[0], 127);
    backend.send("to the other", second->from);
    backend.send("to the one", first->from);
    EXPECT_EQ(next(other)->bytes, "to the other");
    EXPECT_EQ(next(one)->bytes, "to the one");
}

TEST_F(UdpPortTest, OnlyTheBackendOfAFlowMayAnswer) {
    const UdpSocket backend, stranger, client;
    serve(backend);
    client.send("hello", asked);
    const auto seen = next(backend);
    ASSERT_TRUE(seen);
    stranger.send("forged", seen->from);
    backend.send("true", seen->from);
    EXPECT_EQ(next(client)->bytes, "true");
    EXPECT_FALSE(client.receive());
    EXPECT_EQ(row().flows.datagrams_sent.get(), 1u);
}

TEST_F(UdpPortTest, RepliesLeaveFromTheAddressThatWasAsked) {
    const UdpSocket backend, client, client6("::1");
    serve(backend, "*");
    for (const char* address : {"127.0.0.1", "127.0.0.77", "127.5.5.5"}) {
        asked.address = *net::parse_address(address);
        const auto answer = ask(client, address, &backend);
        ASSERT_TRUE(answer) << address;
        EXPECT_EQ(answer->from, asked);
    }
    asked.address = *net::parse_address("::1");
    const auto answer = ask(client6, "six", &backend);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->from, asked);
    EXPECT_EQ(row().flows.created.get(), 4u);
}

TEST_F(UdpPortTest, DatagramsOfEverySizePassUnchanged) {
    const UdpSocket backend, backend6("::1"), client;
    listen_on("127.0.0.1");
    add_backend(backend.endpoint());
    start();
    for (const bool own_socket : {false, true}) {
        if (own_socket) {
            handler.relay.backends.clear();
            add_backend(backend6.endpoint());
            apply();
        }
        for (const std::size_t size : {0u, 1u, 1473u, 65'507u}) {
            SCOPED_TRACE(size);
            const auto answer = ask(client, std::string(size, 'x'), own_socket ? &backend6 : &backend);
            ASSERT_TRUE(answer);
            EXPECT_EQ(answer->bytes.size(), size);
            EXPECT_EQ(answer->bytes.find_first_not_of('x'), std::string::npos);
        }
    }
    EXPECT_EQ(closed(FlowClosed::handler_close), 1u);
}

TEST_F(UdpPortTest, ABackendThatIsDownCostsTheNextDatagramNothing) {
    for (const char* address : {"127.0.0.1", "::1"}) {
        SCOPED_TRACE(address);
        auto backend = std::make_unique<UdpSocket>(address);
        const net::Endpoint endpoint = backend->endpoint();
        handler.relay.backends.clear();
        listen_on("127.0.0.1");
        add_backend(endpoint);
        start();
        const UdpSocket client;
        ASSERT_TRUE(ask(client, "before", backend.get()));
        backend.reset();
        const std::uint64_t received = row().flows.datagrams_received.get();
        client.send("lost", asked);
        ASSERT_TRUE(test::run_until(*io, [&] { return row().flows.datagrams_received.get() == received + 1; }));
        backend = std::make_unique<UdpSocket>(address, endpoint.port);
        const auto answer = ask(client, "after", backend.get());
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->bytes, "after");
        EXPECT_TRUE(test::run_until(*io, [&] { return board->backends[0].flows.failures[0].get() > 0; }));
        board->backends[0].flows.failures[0].set(0);
        relay.reset();
        test::run_ready(*io);
    }
}

TEST_F(UdpPortTest, AFlowWhoseBackendRefusesGoesToAnother) {
    auto first = std::make_unique<UdpSocket>();
    const UdpSocket second, client;
    listen_on("127.0.0.1");
    add_backend(first->endpoint());
    add_backend(second.endpoint());
    start();
    ASSERT_TRUE(ask(client, "one", first.get()));
    first.reset();
    client.send("lost", asked);
    ASSERT_TRUE(test::run_until(*io, [&] { return board->backends[0].flows.failures[0].get() == 1; }));
    const auto answer = ask(client, "two", &second);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->bytes, "two");
    EXPECT_EQ(closed(FlowClosed::error), 1u);
}

TEST_F(UdpPortTest, WhoIsDeniedGetsNoFlow) {
    port.admission.deny = {{"127.0.0.8", 32}};
    port.admission.allow = {{"127.0.0.0", 28}};
    const UdpSocket backend, denied("127.0.0.8"), outside("127.0.0.99"), client;
    serve(backend);
    denied.send("no", asked);
    outside.send("no", asked);
    ASSERT_TRUE(ask(client, "yes", &backend));
    EXPECT_EQ(dropped(Dropped::denied), 2u);
    EXPECT_EQ(row().flows.created.get(), 1u);
    EXPECT_EQ(row().flows.datagrams_received.get(), 3u);
}

TEST_F(UdpPortTest, TellsTheBackendWhoAsks) {
    for (const std::string mode : {"every", "first"}) {
        SCOPED_TRACE(mode);
        handler.relay.proxy_protocol = "v2";
        handler.relay.proxy_datagrams = mode;
        handler.relay.backends.clear();
        const UdpSocket backend, client;
        serve(backend);
        client.send("hello", asked);
        EXPECT_EQ(next(backend)->bytes, with_header(client.endpoint(), asked, "hello"));
        client.send("", asked);
        EXPECT_EQ(next(backend)->bytes, mode == "every" ? with_header(client.endpoint(), asked, "") : "");
        relay.reset();
        test::run_ready(*io);
    }
}

TEST_F(UdpPortTest, TakesTheWordOfNamedProxiesOnly) {
    port.proxy.from = {{"127.0.0.2", 32}};
    handler.relay.proxy_protocol = "v2";
    const UdpSocket backend, proxy("127.0.0.2"), client;
    serve(backend);
    const net::Endpoint far{*net::parse_address("198.51.100.7"), 5353};
    const net::Endpoint farther{*net::parse_address("198.51.100.8"), 5353};
    const net::Endpoint wanted{*net::parse_address("203.0.113.1"), 53};
    client.send(with_header(far, wanted, "not from a proxy"), asked);
    proxy.send("no header", asked);
    proxy.send(with_header(far, wanted, "a"), asked);
    proxy.send(with_header(farther, wanted, "b"), asked);
    const auto a = next(backend), b = next(backend);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->bytes, with_header(far, wanted, "a")) << "the true client goes on to the backend";
    EXPECT_NE(a->from, b->from) << "each client behind the proxy has a flow";
    backend.send("for b", b->from);
    EXPECT_EQ(next(proxy)->bytes, "for b") << "replies go to the sender, as they are";
    EXPECT_EQ(dropped(Dropped::denied), 1u);
    EXPECT_EQ(dropped(Dropped::proxy_header), 1u);
    EXPECT_EQ(row().flows.created.get(), 2u);
}

TEST_F(UdpPortTest, EndsIdleFlows) {
    port.flows.idle_ms = 10;
    const UdpSocket backend, client;
    serve(backend);
    ASSERT_TRUE(ask(client, "hello", &backend));
    EXPECT_TRUE(test::run_until(*io, [&] { return closed(FlowClosed::idle) == 1; }));
    EXPECT_EQ(row().active_flows(), 0u);
    EXPECT_TRUE(ask(client, "again", &backend));
}

TEST_F(UdpPortTest, AFloodOfStrangersLeavesOldFlowsAlone) {
    port.flows.max = 10;
    const UdpSocket backend, old;
    serve(backend);
    ASSERT_TRUE(ask(old, "one", &backend));
    ASSERT_TRUE(ask(old, "two", &backend));
    std::vector<std::unique_ptr<UdpSocket>> strangers;
    for (int i = 0; i < 100; ++i) {
        strangers.push_back(std::make_unique<UdpSocket>());
        strangers.back()->send("flood", asked);
    }
    ASSERT_TRUE(test::run_until(*io, [&] { return row().flows.created.get() == 101; }));
    EXPECT_TRUE(ask(old, "three", &backend));
    EXPECT_EQ(row().flows.created.get(), 101u) << "it is still the same flow";
    EXPECT_EQ(closed(FlowClosed::evicted), 91u);
}

TEST_F(UdpPortTest, SocketsOfManyFlowsAreReadInTurns) {
    const UdpSocket backend("::1");
    serve(backend);
    std::vector<std::unique_ptr<UdpSocket>> clients;
    for (int i = 0; i < 90; ++i) {
        clients.push_back(std::make_unique<UdpSocket>());
        clients.back()->send(std::to_string(i), asked);
    }
    int echoed = 0;
    ASSERT_TRUE(test::run_until(*io, [&] { return (echoed += backend.echo()) == 90; }));
    for (int i = 0; i < 90; ++i) EXPECT_EQ(next(*clients[static_cast<std::size_t>(i)])->bytes, std::to_string(i));
    EXPECT_EQ(row().flows.datagrams_sent.get(), 90u);
}

}  // namespace

}  // namespace portier::delivery
