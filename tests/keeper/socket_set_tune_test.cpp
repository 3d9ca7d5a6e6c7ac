#include <netinet/tcp.h>
#include <sys/socket.h>

#include "keeper/socket_set_case.hpp"

namespace portier::keeper {

namespace {

int option(const std::shared_ptr<OpenSocket>& socket, int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    EXPECT_EQ(::getsockopt(socket->fd.get(), level, name, &value, &length), 0);
    return value;
}

}  // namespace

// The router's listeners do not block; programs that accept for themselves get them blocking, as they expect.
TEST(SocketSet, TuneSetsBlockingByDelivery) {
    const std::uint16_t first = test::free_ports(2);
    const config::Port routed = port_entry("router", Protocol::tcp, first);
    const config::Port own = port_entry("self", Protocol::tcp, static_cast<std::uint16_t>(first + 1));
    const config::Config config = with_ports({routed, own});
    std::uint32_t next = 1;
    const SocketSet set = SocketSet::build(config, {}, next);
    EXPECT_TRUE(is_blocking(set.of_port(routed, 0).at(0))) << "until the configuration is in force";
    set.tune(config);
    EXPECT_FALSE(is_blocking(set.of_port(routed, 0).at(0)));
    EXPECT_TRUE(is_blocking(set.of_port(own, 0).at(0)));
}

// What a program that accepted for itself has made linger does not keep the router waiting, once that accepts; a
// program that goes on keeps what it has set.
TEST(SocketSet, TuneTakesLingerBackWhereTheRouterAccepts) {
    const std::uint16_t number = test::free_ports();
    const config::Config inherited = with_ports({port_entry("self", Protocol::tcp, number)});
    const config::Config routed = with_ports({port_entry("router", Protocol::tcp, number)});
    std::uint32_t next = 1;
    const SocketSet set = SocketSet::build(inherited, {}, next);
    const auto socket = set.of_port(inherited.ports[0], 0).at(0);
    const linger hour{1, 3600};
    ASSERT_EQ(::setsockopt(socket->fd.get(), SOL_SOCKET, SO_LINGER, &hour, sizeof hour), 0);
    const auto accepted_lingers = [&] {
        const Fd client = test::connect_to(number);
        const Fd accepted(::accept4(socket->fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
        linger value{};
        socklen_t length = sizeof value;
        EXPECT_EQ(::getsockopt(accepted.get(), SOL_SOCKET, SO_LINGER, &value, &length), 0);
        net::stop_lingering(accepted.get());
        return value.l_onoff != 0;
    };
    set.tune(inherited);
    EXPECT_TRUE(accepted_lingers());
    const SocketSet after = SocketSet::build(routed, set, next);
    ASSERT_EQ(after.of_port(routed.ports[0], 0).at(0), socket);
    after.tune(routed);
    EXPECT_FALSE(accepted_lingers());
}

// Options of a listener that stays change only with tune(), that is, when nothing can fail any more.
TEST(SocketSet, TunePutsChangedOptionsOnWhatStays) {
    config::Port port = port_entry("router", Protocol::tcp, test::free_ports());
    std::uint32_t next = 1;
    const SocketSet before = SocketSet::build(with_ports({port}), {}, next);
    const auto socket = before.of_port(port, 0).at(0);
    EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(socket, SOL_SOCKET, SO_KEEPALIVE), 0);
    port.tcp = {.nodelay = false, .keepalive = milliseconds(60'000)};
    const config::Config changed = with_ports({port});
    const SocketSet after = SocketSet::build(changed, before, next);
    EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_NODELAY), 1);
    after.tune(changed);
    EXPECT_EQ(after.of_port(port, 0).at(0), socket);
    EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_EQ(option(socket, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_KEEPIDLE), 60);
}

}  // namespace portier::keeper
