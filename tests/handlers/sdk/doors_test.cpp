// Doors against a socketpair whose other end plays the router (handlers/README.md is what is proved here).
#include "sdk/doors.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "held.hpp"
#include "router_end.hpp"

namespace portier::sdk {
namespace {

using net::HandoffType;
using State = Doors::State;

TEST(Doors, CreditIsTheFirstMessage) {
    RouterEnd router;
    const Doors doors(router.handler_end());
    const auto first = router.next();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->type, HandoffType::credit);
    EXPECT_GT(first->credit, 0u);
    EXPECT_FALSE(router.next());
}

TEST(Doors, TakenFollowsReceivingAndNamesTheLast) {
    RouterEnd router;
    Doors doors(router.handler_end());
    router.next();
    const auto far = router.send_doors(1, 3);
    Held held;
    EXPECT_EQ(receive(doors, held), State::open);
    EXPECT_EQ(held.ids, (std::vector<std::uint64_t>{1, 2, 3}));
    const auto taken = router.next();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->type, HandoffType::taken);
    EXPECT_EQ(taken->taken, 3u);
    // The descriptors belong to the doors in order.
    for (std::size_t i = 0; i < far.size(); ++i) {
        const char byte = static_cast<char>('a' + i);
        ASSERT_EQ(::send(far[i].get(), &byte, 1, 0), 1);
        char got = 0;
        ASSERT_EQ(::recv(held.sockets[i].get(), &got, 1, 0), 1);
        EXPECT_EQ(got, byte);
        EXPECT_TRUE(::fcntl(held.sockets[i].get(), F_GETFD) & FD_CLOEXEC);
    }
}

TEST(Doors, TakenIsSentBeforeTheProgramServes) {
    RouterEnd router;
    Doors doors(router.handler_end());
    router.next();
    const auto far = router.send_doors(1, 1);
    bool before = false;
    doors.receive([&](Fd, const net::Door&) { before = router.next().has_value(); });
    EXPECT_TRUE(before);
}

TEST(Doors, SeveralMessagesAreAcknowledgedTogether) {
    RouterEnd router;
    Doors doors(router.handler_end());
    router.next();
    std::vector<std::vector<Fd>> far;
    for (std::uint64_t first = 1; first <= 10; ++first) far.push_back(router.send_doors(first, 1));
    Held held;
    receive(doors, held);
    EXPECT_EQ(held.ids.size(), 10u);
    const auto taken = router.next();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->taken, 10u);
    EXPECT_FALSE(router.next());
}

TEST(Doors, EarlyDatagramsArriveInOrder) {
    RouterEnd router;
    Doors doors(router.handler_end());
    const auto bytes = [](const char* text) { return std::as_bytes(std::span(text, std::strlen(text))); };
    std::vector<std::byte> message;
    net::encode_header(message, HandoffType::doors, 1);
    net::Door flow{1, 17, {}, {}, {bytes("one"), bytes(""), bytes("three")}};
    flow.remote = {{4, {127, 0, 0, 1}}, 4711};
    net::encode_door(message, flow);
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    router.send(message, {socket.get()});
    int calls = 0;
    doors.receive([&](Fd, const net::Door& door) {
        ++calls;
        EXPECT_EQ(door.protocol, 17);
        EXPECT_EQ(door.remote, flow.remote);
        ASSERT_EQ(door.datagrams.size(), 3u);
        EXPECT_EQ(door.datagrams[0].size(), 3u);
        EXPECT_EQ(door.datagrams[1].size(), 0u);
        EXPECT_EQ(std::memcmp(door.datagrams[2].data(), "three", 5), 0);
    });
    EXPECT_EQ(calls, 1);
}

TEST(Doors, DrainComesAfterTheDoorsBeforeIt) {
    RouterEnd router;
    Doors doors(router.handler_end());
    router.next();
    const auto far = router.send_doors(1, 2);
    router.send_type(HandoffType::drain);
    Held held;
    EXPECT_EQ(receive(doors, held), State::draining);
    EXPECT_EQ(held.ids.size(), 2u);
    const auto taken = router.next();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->taken, 2u);
}

TEST(Doors, EndOfFileComesAfterTheDoorsBeforeIt) {
    for (const bool has_read : {true, false}) {
        RouterEnd router;
        Doors doors(router.handler_end());
        const auto far = router.send_doors(1, 2);
        if (has_read) router.next();
        router.go_away();
        Held held;
        EXPECT_EQ(receive(doors, held), State::ended) << has_read;
        EXPECT_EQ(held.ids.size(), 2u) << has_read;
        doors.closed(2);
        EXPECT_FALSE(doors.wants_write());
    }
}

TEST(Doors, StopAsksForNoMore) {
    RouterEnd router;
    Doors doors(router.handler_end());
    router.next();
    doors.stop();
    const auto message = router.next();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type, HandoffType::stopping);
}

TEST(Doors, WaitsForAFullQueueWithoutLosingAnything) {
    RouterEnd router;
    Doors doors(router.handler_end());
    Held held;
    std::uint64_t sent = 0;
    // Nobody reads what the handler says until it cannot say more.
    while (!doors.wants_write()) {
        router.send_doors(++sent, 1);
        receive(doors, held);
        held.sockets.clear();
        doors.closed(1);
        ASSERT_LT(sent, 100'000u);
    }
    std::uint64_t taken = 0;
    while (const auto message = router.next()) taken = std::max(taken, message->taken);
    EXPECT_EQ(taken, sent - 1);
    receive(doors, held);
    EXPECT_FALSE(doors.wants_write());
    const auto message = router.next();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->taken, sent);
}

TEST(Doors, UnknownTypesAreIgnoredAndTheirDescriptorsClosed) {
    RouterEnd router;
    Doors doors(router.handler_end());
    router.next();
    std::vector<std::byte> message(30);
    message[0] = std::byte{net::kHandoffVersion};
    message[1] = std::byte{99};
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const Fd far(ends[1]);
    {
        const Fd near(ends[0]);
        router.send(message, {near.get()});
    }
    Held held;
    EXPECT_EQ(receive(doors, held), State::open);
    EXPECT_TRUE(held.ids.empty());
    EXPECT_FALSE(router.next());
    char byte;
    EXPECT_EQ(::recv(far.get(), &byte, 1, 0), 0);
}

TEST(Doors, BrokenMessagesAreNamedAndNothingIsTaken) {
    struct Case {
        std::vector<unsigned char> bytes;
        const char* error;
    };
    std::vector<unsigned char> door_without_descriptor{1, 1, 0, 1, 0, 0, 0, 0};
    door_without_descriptor.resize(net::kHandoffHeaderSize + net::kDoorRecordSize);
    const Case cases[] = {{{1}, "without a header"},
                          {{2, 4, 0, 0, 0, 0, 0, 0}, "version 2"},
                          {{1, 1, 0, 0, 0, 0, 0, 0}, "malformed message of type 1"},
                          {{1, 1, 0, 2, 0, 0, 0, 0, 9, 9}, "malformed message of type 1"},
                          {{1, 4, 0, 0, 0, 0, 0, 0, 0}, "malformed message of type 4"},
                          {door_without_descriptor, "1 doors with 0 descriptors"}};
    for (const Case& wrong : cases) {
        SCOPED_TRACE(wrong.error);
        RouterEnd router;
        Doors doors(router.handler_end());
        router.next();
        const auto far = router.send_doors(1, 1);
        std::vector<std::byte> message;
        for (const unsigned char byte : wrong.bytes) message.push_back(std::byte{byte});
        router.send(message);
        Held held;
        EXPECT_EQ(receive(doors, held), State::broken);
        EXPECT_NE(doors.error().find(wrong.error), std::string::npos) << doors.error();
        EXPECT_TRUE(held.ids.empty());
        EXPECT_FALSE(router.next());
    }
}

TEST(Doors, FromEnvironment) {
    ::unsetenv("PORTIER_FD");
    EXPECT_FALSE(Doors::from_environment());

    RouterEnd router;
    const int number = router.handler_end().release();
    ::setenv("PORTIER_FD", std::to_string(number).c_str(), 1);
    const auto doors = Doors::from_environment();
    ASSERT_TRUE(doors);
    EXPECT_EQ(doors->fd(), number);
    EXPECT_TRUE(router.next());
    EXPECT_EQ(std::getenv("PORTIER_FD"), nullptr) << "a child of the handler must not see it";

    for (const char* wrong : {"", "three", "-1", "0x3", "99999", "60000"}) {
        ::setenv("PORTIER_FD", wrong, 1);
        EXPECT_ANY_THROW(Doors::from_environment()) << wrong;
    }
    const Fd stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setenv("PORTIER_FD", std::to_string(stream.get()).c_str(), 1);
    EXPECT_ANY_THROW(Doors::from_environment()) << "not a SOCK_SEQPACKET socket";
}

}  // namespace
}  // namespace portier::sdk
