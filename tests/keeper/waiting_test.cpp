#include "keeper/waiting.hpp"

#include "keeper/stage.hpp"
#include "net/socket.hpp"
#include "support/tcp.hpp"

namespace portier::keeper {

// Connections that nobody has accepted, each by a name that stays.
TEST(Waiting, NamesConnections) {
    const Fd listener = test::listen_somewhere();
    EXPECT_TRUE(waiting_at(listener.get()).empty());
    const Fd first = test::connect_to(test::port_of(listener)), second = test::connect_to(test::port_of(listener));
    const auto both = waiting_at(listener.get());
    EXPECT_EQ(both.size(), 2u);
    EXPECT_EQ(waiting_at(listener.get()), both);
    const Fd accepted = test::accept_from(listener);
    const auto one = waiting_at(listener.get());
    EXPECT_EQ(one.size(), 1u);
    EXPECT_FALSE(one.contains(net::socket_cookie(accepted.get())));
}

// The first datagram, which is still there afterwards.
TEST(Waiting, NamesTheFirstDatagram) {
    const std::uint16_t number = test::free_ports();
    const Fd socket = net::open_udp_socket({test::kLoopback, number}, true);
    EXPECT_TRUE(waiting_at(socket.get()).empty());
    const Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const socklen_t length = net::to_sockaddr({test::kLoopback, number}, address);
    for (const char* word : {"1", "2"})
        ASSERT_EQ(::sendto(client.get(), word, 1, 0, reinterpret_cast<sockaddr*>(&address), length), 1);
    const auto first = waiting_at(socket.get());
    EXPECT_EQ(first.size(), 1u);
    EXPECT_EQ(waiting_at(socket.get()), first);
    char byte;
    ASSERT_EQ(::recv(socket.get(), &byte, 1, 0), 1);
    EXPECT_EQ(byte, '1');
    EXPECT_NE(waiting_at(socket.get()), first);
}

}  // namespace portier::keeper
