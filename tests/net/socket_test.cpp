#include "net/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include "support/free_port.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::net {

namespace {

using test::kLoopback;

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    EXPECT_EQ(::getsockopt(fd, level, name, &value, &length), 0);
    return value;
}

// tcp(7): of a listening socket tcpi_sacked is the length limit of its queue.
unsigned backlog_of(int listener) {
    tcp_info info{};
    socklen_t length = sizeof info;
    ::getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info.tcpi_sacked;
}

// What opening `place` throws.
template <typename Open>
std::system_error error_of(Open open) {
    try {
        open();
    } catch (const std::system_error& error) {
        return error;
    }
    ADD_FAILURE() << "no error";
    return std::system_error(std::error_code());
}

Fd udp_client(const Endpoint& remote) {
    Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const socklen_t length = to_sockaddr(remote, address);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    return fd;
}

constexpr TcpTuning kEverything{.nodelay = false,
                                .keepalive = std::chrono::milliseconds(1500),
                                .user_timeout = std::chrono::milliseconds(4321),
                                .defer_accept = std::chrono::milliseconds(2000),
                                .fast_open = 16};

}  // namespace

// A place is written as in the configuration, with a star for every address.
TEST(Place, Prints) {
    EXPECT_EQ(to_string(Place{{}, 80}), "*:80");
    EXPECT_EQ(to_string(Place{kLoopback, 80}), "127.0.0.1:80");
    EXPECT_EQ(to_string(Place{parse_address("::1"), 80}), "[::1]:80");
}

// A connection has the options of its listener from its first moment, without a call of its own.
TEST(TcpListener, ConnectionsInheritItsOptions) {
    TcpTuning tuning = kEverything;
    tuning.defer_accept.reset();  // would hold back this silent connection
    const Fd listener = test::listen_somewhere(10, tuning);
    const test::Pair pair = test::make_pair(listener);
    const int fd = pair.accepted.get();
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 2) << "whole seconds, rounded up";
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 4321);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_LINGER2), 90);
}

// The defaults are those of the configuration: no delay, no keepalive, no timeouts.
TEST(TcpListener, HasPlainDefaults) {
    const Fd listener = test::listen_somewhere();
    const test::Pair pair = test::make_pair(listener);
    const int fd = pair.accepted.get();
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
    EXPECT_EQ(option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
    EXPECT_EQ(option(listener.get(), IPPROTO_TCP, TCP_FASTOPEN), 0);
}

// A listener that stays over a reload takes new options and a new backlog, and gives up old ones.
TEST(TcpListener, CanBeTunedAgain) {
    const Fd listener = test::listen_somewhere(10);
    EXPECT_EQ(backlog_of(listener.get()), 10u);
    const std::uint64_t inode = socket_inode(listener.get());

    tune_tcp_listener(listener.get(), kEverything, 20);
    EXPECT_EQ(backlog_of(listener.get()), 20u);
    EXPECT_EQ(option(listener.get(), IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_GE(option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT), 2);
    EXPECT_EQ(option(listener.get(), IPPROTO_TCP, TCP_FASTOPEN), 16);

    tune_tcp_listener(listener.get(), {}, 30);
    EXPECT_EQ(backlog_of(listener.get()), 30u);
    EXPECT_EQ(option(listener.get(), IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(listener.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(option(listener.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
    EXPECT_EQ(option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
    EXPECT_EQ(option(listener.get(), IPPROTO_TCP, TCP_FASTOPEN), 0);
    EXPECT_EQ(socket_inode(listener.get()), inode);
    test::make_pair(listener);
}

// With defer_accept a silent client is not accepted, one that speaks is.
TEST(TcpListener, DefersSilentClients) {
    TcpTuning tuning;
    tuning.defer_accept = std::chrono::seconds(20);
    const Fd listener = test::listen_somewhere(10, tuning);
    const Fd silent = test::connect_to(test::port_of(listener));
    const Fd speaker = test::connect_to(test::port_of(listener));
    test::send_all(speaker, "hello");
    ASSERT_TRUE(test::eventually([&] { return test::is_readable(listener); }));
    const Fd accepted = test::accept_from(listener);
    EXPECT_EQ(test::receive_exactly(accepted, 5), "hello");
    EXPECT_FALSE(test::is_readable(listener));
}

// Without an address one socket takes IPv4 and IPv6 clients; with an IPv6 address only that.
TEST(TcpListener, IsDualStackWithoutAnAddress) {
    const Fd every = open_tcp_listener({{}, 0}, {}, 10);
    const std::uint16_t port = test::port_of(every);
    EXPECT_EQ(socket_family(every.get()), AF_INET6);
    for (const char* address : {"127.0.0.1", "::1"}) {
        const Fd client = test::connect_to({*parse_address(address), port});
        const Fd accepted = test::accept_from(every);
        EXPECT_EQ(to_string(local_endpoint(accepted.get()).address), address);
    }
    const Fd only = open_tcp_listener({parse_address("::1"), 0}, {}, 10);
    EXPECT_EQ(option(only.get(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
    EXPECT_EQ(socket_family(test::listen_somewhere().get()), AF_INET);
}

// Sockets never survive exec by accident.
TEST(Sockets, CloseOnExec) {
    const Fd sockets[]{test::listen_somewhere(), open_udp_socket({kLoopback, 0}, true)};
    for (const Fd& fd : sockets) EXPECT_TRUE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC);
}

// A place that is taken, or is not ours, is an error that names it.
TEST(Sockets, ErrorsNameThePlace) {
    const Fd listener = test::listen_somewhere();
    const std::string port = std::to_string(test::port_of(listener));
    const auto taken = error_of([&] { open_tcp_listener({kLoopback, test::port_of(listener)}, {}, 10); });
    EXPECT_EQ(taken.code(), std::errc::address_in_use);
    EXPECT_NE(std::string(taken.what()).find("127.0.0.1:" + port + "/tcp"), std::string::npos) << taken.what();

    const auto foreign = error_of([] { open_udp_socket({parse_address("192.0.2.1"), 9}, true); });
    EXPECT_EQ(foreign.code(), std::errc::address_not_available);
    EXPECT_NE(std::string(foreign.what()).find("192.0.2.1:9/udp"), std::string::npos) << foreign.what();
}

// After a connection on the port, the port can be opened again at once.
TEST(TcpListener, CanBeOpenedAgainWhileOldConnectionsFade) {
    Fd listener = test::listen_somewhere();
    const std::uint16_t port = test::port_of(listener);
    test::Pair pair = test::make_pair(listener);
    pair.accepted.reset();
    listener.reset();
    EXPECT_TRUE(open_tcp_listener({kLoopback, port}, {}, 10));
}

// The sockets of one UDP port form a group that shares the datagrams; the first of them must find the port free.
TEST(UdpSocket, FirstOneRefusesATakenPort) {
    const Fd first = open_udp_socket({kLoopback, 0}, true);
    const std::uint16_t port = test::port_of(first);
    EXPECT_EQ(error_of([&] { open_udp_socket({kLoopback, port}, true); }).code(), std::errc::address_in_use);
    const Fd second = open_udp_socket({kLoopback, port}, false);

    bool reached[2]{};
    ASSERT_TRUE(test::eventually([&] {  // the kernel chooses by the client's address
        const Fd client = udp_client({kLoopback, port});
        EXPECT_EQ(::send(client.get(), "x", 1, 0), 1);
        char byte;
        reached[0] |= ::recv(first.get(), &byte, 1, MSG_DONTWAIT) == 1;
        reached[1] |= ::recv(second.get(), &byte, 1, MSG_DONTWAIT) == 1;
        return reached[0] && reached[1];
    }));
}

// Whatever a program did to a socket that it shares: it is the same socket on the same port, and works again.
TEST(Sockets, CanBeRepaired) {
    const Place place{kLoopback, test::free_ports()};
    const Fd listener = open_tcp_listener(place, {}, 10), elsewhere = test::listen_somewhere();
    EXPECT_EQ(repair_socket(listener.get(), 10), std::nullopt) << "nothing to do";
    for (const bool connected : {false, true}) {
        ::shutdown(listener.get(), SHUT_RDWR);
        if (connected) {
            sockaddr_storage address;
            const socklen_t size = to_sockaddr(local_endpoint(elsewhere.get()), address);
            ASSERT_EQ(::connect(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        }
        EXPECT_EQ(repair_socket(listener.get(), 10), std::error_code());
        EXPECT_EQ(local_endpoint(listener.get()), (Endpoint{kLoopback, place.port}));
        EXPECT_TRUE(test::connect_to(place.port));
    }
    const Fd udp = open_udp_socket(place, true), other = open_udp_socket({kLoopback, 0}, true);
    EXPECT_EQ(repair_socket(udp.get(), 0), std::nullopt);
    sockaddr_storage address;
    const socklen_t size = to_sockaddr(local_endpoint(other.get()), address);
    ASSERT_EQ(::connect(udp.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(repair_socket(udp.get(), 0), std::error_code());
    const Fd client = udp_client({kLoopback, place.port});
    ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
    char byte;
    EXPECT_EQ(::recv(udp.get(), &byte, 1, 0), 1);
}

// Inode and cookie name a socket: the same through every descriptor of it, another one for another socket.
TEST(Sockets, HaveAnIdentity) {
    const Fd one = test::listen_somewhere(), other = test::listen_somewhere();
    const Fd same(::fcntl(one.get(), F_DUPFD_CLOEXEC, 0));
    EXPECT_EQ(socket_inode(one.get()), socket_inode(same.get()));
    EXPECT_EQ(socket_cookie(one.get()), socket_cookie(same.get()));
    EXPECT_NE(socket_inode(one.get()), socket_inode(other.get()));
    EXPECT_NE(socket_cookie(one.get()), socket_cookie(other.get()));
    EXPECT_NE(socket_cookie(one.get()), 0u);
    EXPECT_THROW(socket_inode(-1), std::system_error);
    EXPECT_THROW(local_endpoint(-1), std::system_error);
}

}  // namespace portier::net
