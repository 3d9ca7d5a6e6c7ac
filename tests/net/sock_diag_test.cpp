#include "net/sock_diag.hpp"

#include <gtest/gtest.h>

#include <map>

#include "support/tcp.hpp"

namespace portier::net {

// A dump of connections shows those of the wanted ports, and which are not accepted or already closed by the handler.
TEST(DumpSockets, ShowsConnections) {
    const Fd listener = test::listen_somewhere(), other = test::listen_somewhere();
    const test::Pair foreign = test::make_pair(other);
    test::Pair held = test::make_pair(listener), closed = test::make_pair(listener);
    const Fd waiting = test::connect_to(test::port_of(listener));
    const std::uint64_t closed_cookie = socket_cookie(closed.accepted.get());
    closed.accepted.reset();
    const std::uint16_t port = test::port_of(listener);

    std::map<std::uint64_t, SocketReport> seen;
    ASSERT_FALSE(dump_sockets(DumpWhat::connections, std::vector<PortInterval>{{port, port}},
                              [&](const SocketReport& report) { seen[report.cookie] = report; }));
    ASSERT_EQ(seen.size(), 3u);
    const SocketReport& one = seen.at(socket_cookie(held.accepted.get()));
    EXPECT_EQ(one.local, local_endpoint(held.accepted.get()));
    EXPECT_EQ(one.remote, local_endpoint(held.client.get()));
    EXPECT_EQ(one.inode, socket_inode(held.accepted.get()));
    EXPECT_FALSE(one.closing);
    EXPECT_FALSE(one.listening);
    EXPECT_TRUE(seen.at(closed_cookie).closing);
    for (const auto& [cookie, report] : seen)
        if (report.remote == local_endpoint(waiting.get())) {
            EXPECT_EQ(report.inode, 0u);
            EXPECT_FALSE(report.closing);
        }
}

// A dump of listeners shows how many wait and how many may.
TEST(DumpSockets, ShowsAcceptQueues) {
    const Fd listener = test::listen_somewhere(17);
    const std::uint16_t port = test::port_of(listener);
    const Fd first = test::connect_to(port), second = test::connect_to(port);
    std::vector<SocketReport> seen;
    ASSERT_FALSE(dump_sockets(DumpWhat::listeners, std::vector<PortInterval>{{port, port}},
                              [&](const SocketReport& report) { seen.push_back(report); }));
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_TRUE(seen[0].listening);
    EXPECT_EQ(seen[0].accept_queue, 2u);
    EXPECT_EQ(seen[0].accept_queue_limit, 17u);
}

// A dump of UDP sockets shows how many datagrams found the queue full.
TEST(DumpSockets, ShowsDroppedDatagrams) {
    const Fd socket = open_udp_socket({test::kLoopback, 0}, true);
    const std::uint16_t port = test::port_of(socket);
    const Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const socklen_t length = to_sockaddr(local_endpoint(socket.get()), address);
    const std::string datagram(1000, 'd');
    const auto drops = [&] {
        std::vector<SocketReport> seen;
        EXPECT_FALSE(dump_sockets(DumpWhat::udp_sockets, std::vector<PortInterval>{{port, port}},
                                  [&](const SocketReport& report) { seen.push_back(report); }));
        EXPECT_EQ(seen.size(), 1u);
        return seen.empty() ? 0 : seen[0].drops;
    };
    EXPECT_EQ(drops(), 0u);
    unsigned sent = 0;
    for (; sent < 5000; ++sent)
        ::sendto(client.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&address), length);
    unsigned kept = 0;
    for (char byte; ::recv(socket.get(), &byte, 1, MSG_DONTWAIT) == 1;) ++kept;
    EXPECT_LT(kept, sent) << "the queue holds less than that";
    EXPECT_EQ(drops(), sent - kept);
}

// No interval means no socket; very many intervals are asked for in one go and still keep foreign ports out.
TEST(DumpSockets, KeepsToTheIntervals) {
    const Fd listener = test::listen_somewhere(), other = test::listen_somewhere();
    unsigned count = 0;
    const auto visit = [&](const SocketReport& report) {
        EXPECT_EQ(report.local.port, test::port_of(listener));
        ++count;
    };
    EXPECT_FALSE(dump_sockets(DumpWhat::listeners, {}, visit));
    EXPECT_EQ(count, 0u);
    for (const std::uint16_t last : {6, 200}) {
        count = 0;
        std::vector<PortInterval> many{{test::port_of(listener), test::port_of(listener)}};
        for (std::uint16_t port = 1; port < last; port = static_cast<std::uint16_t>(port + 2))
            many.push_back({port, port});
        EXPECT_FALSE(dump_sockets(DumpWhat::listeners, merge_intervals(many), visit));
        EXPECT_EQ(count, 1u);
    }
}

}  // namespace portier::net
