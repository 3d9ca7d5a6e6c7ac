#include "net/datagrams.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "net/socket.hpp"
#include "support/udp.hpp"
#include "support/wait.hpp"

namespace portier::net {

namespace {

using test::eventually;
using test::UdpSocket;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string text_of(const Datagram& datagram) {
    return {reinterpret_cast<const char*>(datagram.bytes.data()), datagram.bytes.size()};
}

Address address(const char* text) {
    return *parse_address(text);
}

// Reads until so many are there.
bool read_all(DatagramReader& reader, const Fd& socket, std::size_t count) {
    return eventually([&] {
        reader.read(socket.get());
        return reader.datagrams().size() == count;
    });
}

// A bound socket as the keeper opens it, that tells and chooses local addresses.
class Asked {
public:
    explicit Asked(const std::optional<Address>& address) : socket(open_udp_socket({address, 0}, true)) {
        EXPECT_FALSE(tell_local_addresses(socket.get()));
        port = local_endpoint(socket.get()).port;
    }

    // A client on `from` asks `asked`; the reply must come from there.
    void expect_reply_from_asked(const char* from, const char* asked) {
        SCOPED_TRACE(std::string(from) + " asks " + asked);
        const UdpSocket client(from);
        ASSERT_TRUE(client.send("question", {address(asked), port}));
        DatagramReader reader;
        ASSERT_TRUE(read_all(reader, socket, 1));
        const Datagram& question = reader.datagrams().front();
        EXPECT_EQ(question.peer, client.endpoint());
        EXPECT_EQ(to_string(question.local), asked);
        DatagramWriter writer;
        writer.add({question.peer, question.local, question.interface, bytes_of("answer")});
        EXPECT_EQ(writer.send(socket.get()), 0u);
        std::optional<test::Letter> answer;
        ASSERT_TRUE(eventually([&] { return (answer = client.receive()).has_value(); }));
        EXPECT_EQ(answer->bytes, "answer");
        EXPECT_EQ(answer->from, (Endpoint{address(asked), port}));
    }

    Fd socket;
    std::uint16_t port;
};

TEST(Datagrams, RepliesLeaveFromTheAddressThatWasAsked) {
    Asked ipv4(address("0.0.0.0"));
    ipv4.expect_reply_from_asked("127.0.0.1", "127.0.0.77");
    ipv4.expect_reply_from_asked("127.0.0.2", "127.9.8.7");
    Asked dual_stack(std::nullopt);
    dual_stack.expect_reply_from_asked("127.0.0.1", "127.0.0.78");
    dual_stack.expect_reply_from_asked("::1", "::1");
    Asked ipv6(address("::"));
    ipv6.expect_reply_from_asked("::1", "::1");
    Asked one(address("127.0.0.9"));
    one.expect_reply_from_asked("127.0.0.1", "127.0.0.9");
}

TEST(Datagrams, OfEverySizePassUnchanged) {
    const UdpSocket near, far;
    for (const std::size_t size : {0u, 1u, 1500u, 9000u, 65'506u, 65'507u}) {
        SCOPED_TRACE(size);
        std::string sent(size, '\0');
        for (std::size_t i = 0; i < size; ++i) sent[i] = static_cast<char>(i * 31 >> 3);
        DatagramWriter writer;
        writer.add({far.endpoint(), {}, 0, bytes_of(sent)});
        EXPECT_EQ(writer.send(near.fd.get()), 0u);
        DatagramReader reader;
        ASSERT_TRUE(read_all(reader, far.fd, 1));
        EXPECT_TRUE(text_of(reader.datagrams().front()) == sent);
        EXPECT_EQ(reader.truncated(), 0u);
    }
}

TEST(Datagrams, AreReadBesideThoseThatWereReadBefore) {
    const UdpSocket one, other, sender;
    ASSERT_TRUE(sender.send("first", one.endpoint()));
    DatagramReader reader;
    ASSERT_TRUE(read_all(reader, one.fd, 1));
    ASSERT_TRUE(sender.send("second", other.endpoint()));
    ASSERT_TRUE(read_all(reader, other.fd, 2));
    EXPECT_EQ(text_of(reader.datagrams()[0]), "first");
    EXPECT_EQ(text_of(reader.datagrams()[1]), "second");
    reader.clear();
    EXPECT_EQ(reader.read(one.fd.get()), std::errc::resource_unavailable_try_again);
    EXPECT_TRUE(reader.datagrams().empty());
}

// What came to two sockets can be put into the order in which it was sent, as long as that is asked for.
TEST(Datagrams, TellWhenTheyArrived) {
    const UdpSocket one, other, sender;
    DatagramReader reader;
    const auto arrival = [&](const UdpSocket& socket) {
        reader.clear();
        EXPECT_TRUE(sender.send("?", socket.endpoint()) && read_all(reader, socket.fd, 1));
        return reader.datagrams()[0].arrived_ns;
    };
    EXPECT_EQ(arrival(one), 0u) << "not asked";
    for (const UdpSocket* socket : {&one, &other}) EXPECT_FALSE(tell_arrival_times(socket->fd.get()));
    ASSERT_TRUE(eventually([&] { return arrival(one) > 0; })) << "the kernel begins with it";

    ASSERT_TRUE(sender.send("first", one.endpoint()));
    ASSERT_TRUE(sender.send("second", other.endpoint()));
    ASSERT_TRUE(sender.send("third", one.endpoint()));
    reader.clear();
    ASSERT_TRUE(read_all(reader, other.fd, 1));
    ASSERT_TRUE(read_all(reader, one.fd, 3));
    const auto all = reader.datagrams();  // second, first, third
    EXPECT_LT(all[1].arrived_ns, all[0].arrived_ns);
    EXPECT_LT(all[0].arrived_ns, all[2].arrived_ns);
    EXPECT_FALSE(tell_arrival_times(one.fd.get(), false));
    EXPECT_EQ(arrival(one), 0u) << "not asked any more";
}

TEST(Datagrams, ComeInBatchesAndInOrder) {
    const UdpSocket near, far;
    constexpr std::size_t kAll = 2 * kDatagramBatch + 5;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < kAll; ++i) texts.push_back("number " + std::to_string(i));
    DatagramWriter writer;
    for (const std::string& text : texts) {
        if (writer.full()) {
            EXPECT_EQ(writer.send(near.fd.get()), 0u);
        }
        writer.add({far.endpoint(), {}, 0, bytes_of(text)}, bytes_of("> "));
    }
    EXPECT_EQ(writer.send(near.fd.get()), 0u);
    EXPECT_TRUE(writer.empty());
    DatagramReader reader;
    std::size_t next = 0;
    ASSERT_TRUE(eventually([&] {
        reader.clear();
        reader.read(far.fd.get());
        for (const Datagram& datagram : reader.datagrams()) EXPECT_EQ(text_of(datagram), "> " + texts[next++]);
        return next == kAll;
    }));
}

TEST(Datagrams, ThatCannotBeSentCostNoOthers) {
    const UdpSocket near, far;
    const std::string too_long(65'508, 'x');
    DatagramWriter writer;
    writer.add({far.endpoint(), {}, 0, bytes_of("before")});
    writer.add({far.endpoint(), {}, 0, bytes_of(too_long)});
    writer.add({far.endpoint(), address("192.0.2.1"), 0, bytes_of("not from here")});
    writer.add({far.endpoint(), {}, 0, bytes_of("after")});
    EXPECT_EQ(writer.send(near.fd.get()), 2u);
    DatagramReader reader;
    ASSERT_TRUE(read_all(reader, far.fd, 2));
    EXPECT_EQ(text_of(reader.datagrams()[0]), "before");
    EXPECT_EQ(text_of(reader.datagrams()[1]), "after");
}

TEST(LoopbackSocket, HasASourceAddressForEachFlow) {
    const Fd socket = open_loopback_socket();
    const UdpSocket backend;
    DatagramWriter writer;
    const std::vector<const char*> sources{"127.1.0.0", "127.1.0.255", "127.200.3.4", "127.255.255.254"};
    for (const char* source : sources) writer.add({backend.endpoint(), address(source), 0, bytes_of(source)});
    EXPECT_EQ(writer.send(socket.get()), 0u);
    int echoed = 0;
    ASSERT_TRUE(eventually([&] { return (echoed += backend.echo()) == 4; }));
    DatagramReader reader;
    ASSERT_TRUE(read_all(reader, socket, 4));
    for (const Datagram& datagram : reader.datagrams()) {
        EXPECT_EQ(to_string(datagram.local), text_of(datagram)) << "the answer comes to the address of its flow";
        EXPECT_EQ(datagram.peer, backend.endpoint());
    }
}

TEST(LoopbackSocket, TellsWhoWasRefusedAndLosesNothingElse) {
    const Fd socket = open_loopback_socket();
    const UdpSocket backend;
    Endpoint nobody;
    {
        const UdpSocket closed;
        nobody = closed.endpoint();
    }
    DatagramWriter writer;
    writer.add({nobody, address("127.1.0.1"), 0, bytes_of("lost")});
    writer.add({backend.endpoint(), address("127.1.0.2"), 0, bytes_of("kept")});
    EXPECT_EQ(writer.send(socket.get()), 0u) << "the error of one is not the next one's";
    EXPECT_TRUE(eventually([&] { return backend.receive().has_value(); }));
    Refusal refusal;
    ASSERT_TRUE(eventually([&] { return !(refusal = read_refusal(socket.get())).error; }));
    EXPECT_EQ(refusal.peer, nobody);
    EXPECT_EQ(to_string(refusal.local), "127.1.0.1");
    EXPECT_EQ(refusal.reason, std::errc::connection_refused);
    EXPECT_EQ(read_refusal(socket.get()).error, std::errc::resource_unavailable_try_again);
}

TEST(Datagrams, ThatFindTheQueueFullAreCounted) {
    const UdpSocket near, far;
    EXPECT_EQ(dropped_datagrams(far.fd.get()), 0u);
    const std::string large(60'000, 'x');
    for (int i = 0; i < 200; ++i) near.send(large, far.endpoint());
    unsigned came = 0;
    while (far.receive()) ++came;
    EXPECT_EQ(came + dropped_datagrams(far.fd.get()), 200u);
    EXPECT_LT(came, 200u);
}

TEST(LoopbackSocket, HasALargeQueue) {
    const Fd socket = open_loopback_socket();
    const UdpSocket ordinary;
    const auto queue = [](const Fd& fd) {
        int size = 0;
        socklen_t length = sizeof size;
        ::getsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &size, &length);
        return size;
    };
    EXPECT_GE(queue(socket), queue(ordinary.fd));
    const int before = queue(ordinary.fd);
    widen_receive_queue(ordinary.fd.get());
    EXPECT_GE(queue(ordinary.fd), before);
}

}  // namespace

}  // namespace portier::net
