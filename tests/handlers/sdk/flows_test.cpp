#include "sdk/flows.hpp"

#include <gtest/gtest.h>

#include "support/flow_client.hpp"

namespace portier::sdk {

namespace {

using std::chrono::milliseconds;

class FlowsTest : public testing::Test {
protected:
    // A flow's two ends, as the router makes them.
    struct Pair {
        Fd client;
        int fd;
    };
    Pair add(std::uint16_t local_port, milliseconds idle = milliseconds(0), const net::Door& door = {}) {
        Fd socket = net::open_udp_socket({test::kLoopback, 0}, true);
        Fd client = test::udp_client(net::local_endpoint(socket.get()));
        sockaddr_storage address;
        const socklen_t length = net::to_sockaddr(net::local_endpoint(client.get()), address);
        EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
        net::Door here = door;
        here.local.port = local_port;
        const int fd = socket.get();
        flows_.add(std::move(socket), here, idle);
        return {std::move(client), fd};
    }

    Loop loop_;
    Flows flows_{loop_, [](std::string_view text) { return std::optional(text); }};
};

}  // namespace

// The early datagrams are answered first, then what comes out of the socket; an empty one is a datagram, too.
TEST_F(FlowsTest, AnswersInOrder) {
    const std::array early{std::byte{'a'}};
    net::Door door;
    door.datagrams = {early, {}};
    const Pair pair = add(1, milliseconds(0), door);
    test::send_text(pair.client, "b");
    ASSERT_EQ(loop_.wait(0).size(), 1u);
    flows_.serve(pair.fd);
    EXPECT_EQ(test::receive_text(pair.client), "a");
    EXPECT_EQ(test::receive_text(pair.client), "");
    EXPECT_EQ(test::receive_text(pair.client), "b");
    EXPECT_EQ(flows_.count(), 1u);
}

// The client's port was closed for a moment: neither the refusal nor the next reply is lost over it.
TEST_F(FlowsTest, ARefusalEatsNoDatagram) {
    Pair pair = add(1);
    const net::Endpoint client = net::local_endpoint(pair.client.get());
    test::send_text(pair.client, "1");
    const net::Endpoint remote = [&] {
        sockaddr_storage storage{};
        socklen_t length = sizeof storage;
        ::getpeername(pair.client.get(), reinterpret_cast<sockaddr*>(&storage), &length);
        return net::from_sockaddr(storage);
    }();
    pair.client.reset();
    flows_.serve(pair.fd);  // the reply is refused
    pair.client = net::open_udp_socket({client.address, client.port}, false);
    sockaddr_storage address;
    const socklen_t length = net::to_sockaddr(remote, address);
    ASSERT_EQ(::connect(pair.client.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    test::send_text(pair.client, "2");
    flows_.serve(pair.fd);
    EXPECT_EQ(test::receive_text(pair.client), "2");
}

// Only those that were silent for their time are closed; 0 is for ever.
TEST_F(FlowsTest, ExpiresTheIdle) {
    const auto now = Flows::Clock::now();
    const Pair ever = add(1), soon = add(1, milliseconds(1000)), late = add(1, milliseconds(50'000));
    ASSERT_TRUE(flows_.next_expiry());
    EXPECT_LT(*flows_.next_expiry(), now + milliseconds(30'000));
    flows_.expire(now);
    EXPECT_EQ(flows_.count(), 3u);
    flows_.expire(now + milliseconds(40'000));
    EXPECT_FALSE(flows_.has(soon.fd));
    EXPECT_TRUE(flows_.has(late.fd));
    flows_.expire(now + milliseconds(100'000));
    EXPECT_EQ(flows_.count(), 1u);
    EXPECT_TRUE(flows_.has(ever.fd));
    EXPECT_FALSE(flows_.next_expiry());
    EXPECT_EQ(flows_.take_closed(), 2u);
    EXPECT_EQ(flows_.take_closed(), 0u);
}

// The longest idle of those ports make room, however many are asked for.
TEST_F(FlowsTest, EvictsTheLongestIdle) {
    const Pair other = add(9), first = add(1), second = add(2), third = add(2);
    test::send_text(first.client, "still here");
    flows_.serve(first.fd);
    flows_.evict({.count = 1, .first = 1, .last = 2});
    EXPECT_FALSE(flows_.has(second.fd));
    EXPECT_EQ(flows_.count(), 3u);
    flows_.evict({.count = 100, .first = 1, .last = 2});
    EXPECT_EQ(flows_.count(), 1u);
    EXPECT_TRUE(flows_.has(other.fd));
}

// Whatever the reason to close a flow, what its client has sent by then is answered.
TEST_F(FlowsTest, ClosingLosesNothing) {
    const Pair idle = add(1, milliseconds(1)), evicted = add(2);
    for (const Pair* pair : {&idle, &evicted})
        for (const char* text : {"one", "two"}) test::send_text(pair->client, text);
    flows_.expire(Flows::Clock::now() + milliseconds(1000));
    flows_.evict({.count = 1, .first = 2, .last = 2});
    EXPECT_EQ(flows_.count(), 0u);
    for (const Pair* pair : {&idle, &evicted})
        for (const char* text : {"one", "two"}) EXPECT_EQ(test::receive_text(pair->client), text);
}

TEST_F(FlowsTest, FinishAnswersWhatWaits) {
    const Pair pair = add(1);
    test::send_text(pair.client, "last words");
    flows_.finish();
    EXPECT_EQ(flows_.count(), 0u);
    EXPECT_EQ(test::receive_text(pair.client), "last words");
}

}  // namespace portier::sdk
