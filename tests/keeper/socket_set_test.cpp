#include "keeper/socket_set.hpp"

#include <pwd.h>
#include <sys/stat.h>

#include <system_error>

#include "keeper/socket_set_case.hpp"
#include "net/udp_flow.hpp"

namespace portier::keeper {

namespace {

std::string failure_of(const config::Config& config, const SocketSet& before, std::uint32_t& next_number) {
    try {
        SocketSet::build(config, before, next_number);
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::address_in_use);
        return error.what();
    }
    return "it opened";
}

std::string held_by_us() {
    return " (held by keeper_test, pid " + std::to_string(::getpid()) + "): Address already in use";
}

constexpr int kDatagrams = 100;

// Each from another port.
void send_datagrams(std::uint16_t port) {
    sockaddr_storage address;
    const socklen_t length = net::to_sockaddr({test::kLoopback, port}, address);
    for (int i = 0; i < kDatagrams; ++i) {
        const Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::sendto(client.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address), length), 1);
    }
}

int count_datagrams(const std::shared_ptr<OpenSocket>& socket) {
    int count = 0;
    for (char byte; ::recv(socket->fd.get(), &byte, 1, MSG_DONTWAIT) >= 0;) ++count;
    return count;
}

}  // namespace

// A port that stays is the same socket with the same number, whatever comes and goes around it.
TEST(SocketSet, SharesWhatStays) {
    const std::uint16_t first = test::free_ports(3);
    const auto port = [&](unsigned i) {
        return port_entry("router", Protocol::tcp, static_cast<std::uint16_t>(first + i));
    };
    std::uint32_t next = 1;
    SocketSet before = SocketSet::build(with_ports({port(0), port(1)}), {}, next);
    const auto stays = before.of_port(port(1), 0).at(0);
    const std::uint64_t inode = net::socket_inode(stays->fd.get());

    const SocketSet after = SocketSet::build(with_ports({port(2), port(1)}), before, next);
    before = {};
    ASSERT_EQ(after.all().size(), 2u);
    EXPECT_EQ(after.of_port(port(1), 0).at(0), stays);
    EXPECT_EQ(net::socket_inode(stays->fd.get()), inode);
    EXPECT_EQ(stays->number, 2u);
    EXPECT_EQ(after.of_port(port(2), 0).at(0)->number, 3u) << "a number is never used twice";
    EXPECT_TRUE(test::is_free(first)) << "what nobody wants any more is closed";
    EXPECT_TRUE(test::connect_to(static_cast<std::uint16_t>(first + 2)));
}

// If one port is taken, none of the new ones stays open and the old ones live on; the message says where it was
// configured and who holds it.
TEST(SocketSet, IsAllOrNothing) {
    const std::uint16_t first = test::free_ports(3);
    const auto port = [&](unsigned i) {
        return port_entry("router", Protocol::tcp, static_cast<std::uint16_t>(first + i));
    };
    std::uint32_t next = 1;
    const SocketSet before = SocketSet::build(with_ports({port(0)}), {}, next);
    const Fd holder = net::open_tcp_listener({test::kLoopback, static_cast<std::uint16_t>(first + 2)}, {}, 1);
    EXPECT_EQ(failure_of(with_ports({port(0), port(1), port(2)}), before, next),
              "houses.yaml:3:5: port " + port(2).key + held_by_us());
    EXPECT_TRUE(test::is_free(static_cast<std::uint16_t>(first + 1)));
    EXPECT_TRUE(test::connect_to(first));
}

// The same for UDP, where SO_REUSEPORT must not hide that somebody else is there.
TEST(SocketSet, NamesTheHolderOfAUdpPort) {
    const std::uint16_t number = test::free_ports();
    std::uint32_t next = 1;
    const Fd holder = net::open_udp_socket({test::kLoopback, number}, true);
    EXPECT_EQ(failure_of(with_ports({port_entry("self", Protocol::udp, number)}), {}, next),
              "houses.yaml:3:5: port " + std::to_string(number) + "/udp" + held_by_us());
}

// The admin page's port is reported like the others.
TEST(SocketSet, NamesTheHolderOfTheAdminPort) {
    const Fd holder = test::listen_somewhere();
    std::uint32_t next = 1;
    config::Config config = with_ports({});
    config.admin.listen = net::local_endpoint(holder.get());
    config.admin.listen_mark = {.file = "houses.yaml", .line = 9, .column = 11};
    EXPECT_EQ(failure_of(config, {}, next),
              "houses.yaml:9:11: admin.listen 127.0.0.1:" + std::to_string(test::port_of(holder)) + held_by_us());
}

// TCP: one listener a number, shared by all processes. UDP: one socket a number for each process.
TEST(SocketSet, OpensOneSocketASlotForUdp) {
    const std::uint16_t first = test::free_ports(2);
    const config::Port tcp = port_entry("self", Protocol::tcp, first, static_cast<std::uint16_t>(first + 1));
    const config::Port udp = port_entry("self", Protocol::udp, first, static_cast<std::uint16_t>(first + 1));
    std::uint32_t next = 1;
    const SocketSet set = SocketSet::build(with_ports({tcp, udp}), {}, next);
    EXPECT_EQ(set.all().size(), 2u + 2u * 3u);
    EXPECT_EQ(set.of_port(tcp, 0).size(), 2u);
    EXPECT_EQ(set.of_port(tcp, 0), set.of_port(tcp, 2));
    std::set<std::uint64_t> inodes;
    for (std::uint32_t slot = 0; slot < 3; ++slot)
        for (const auto& socket : set.of_port(udp, slot)) inodes.insert(net::socket_inode(socket->fd.get()));
    EXPECT_EQ(inodes.size(), 6u);
    EXPECT_TRUE(set.of_port(udp, 3).empty());
}

// More processes get more UDP sockets; those that were there stay with their slots.
TEST(SocketSet, MoreProcessesKeepTheUdpSocketsOfTheOthers) {
    const config::Port udp = port_entry("self", Protocol::udp, test::free_ports());
    std::uint32_t next = 1;
    config::Config config = with_ports({udp});
    config.handlers[1].processes = 1;
    const SocketSet before = SocketSet::build(config, {}, next);
    config.handlers[1].processes = 2;
    const SocketSet after = SocketSet::build(config, before, next);
    EXPECT_EQ(after.of_port(udp, 0), before.of_port(udp, 0));
    EXPECT_EQ(after.of_port(udp, 1).size(), 1u);
}

// A UDP socket of a process that is not wanted yet, or not any more, gets nothing: neither before a set is in force,
// nor if it never is, nor after its process was taken away. When it is wanted again, nothing old waits in it.
TEST(SocketSet, DatagramsGoToTheProcessesInForceOnly) {
    const config::Port udp = port_entry("self", Protocol::udp, test::free_ports());
    std::uint32_t next = 1;
    config::Config config = with_ports({udp});
    const auto with_processes = [&](unsigned count, const SocketSet& before) {
        config.handlers[1].processes = count;
        return SocketSet::build(config, before, next);
    };
    SocketSet present = with_processes(2, {});
    present.tune(config);
    const auto old_first = present.of_port(udp, 0).at(0), old_second = present.of_port(udp, 1).at(0);
    SocketSet refused = with_processes(4, present);
    const auto third = refused.of_port(udp, 2).at(0);
    send_datagrams(udp.first);
    EXPECT_EQ(count_datagrams(old_first) + count_datagrams(old_second), kDatagrams);
    present.keep_spares(refused);
    refused = {};
    SocketSet after = with_processes(3, present);
    EXPECT_EQ(after.of_port(udp, 2).at(0), third) << "the order in which they were bound must not change";
    after.tune(config);
    send_datagrams(udp.first);
    EXPECT_GT(count_datagrams(third), 0);
    send_datagrams(udp.first);
    after = with_processes(1, after);
    after.tune(config);
    count_datagrams(old_first);
    send_datagrams(udp.first);
    EXPECT_EQ(count_datagrams(old_first), kDatagrams);
    after = with_processes(3, after);
    EXPECT_EQ(count_datagrams(third), 0) << "what was left there is thrown away";
}

// The admin page keeps its socket while its place stays, and loses it when it is no longer wanted.
TEST(SocketSet, KeepsTheAdminSocket) {
    config::Config config = with_ports({});
    std::uint32_t next = 1;
    EXPECT_EQ(SocketSet::build(config, {}, next).admin(), nullptr);
    config.admin.listen = net::Endpoint{test::kLoopback, test::free_ports()};
    const SocketSet first = SocketSet::build(config, {}, next);
    ASSERT_TRUE(first.admin());
    EXPECT_FALSE(is_blocking(first.admin()));
    const SocketSet second = SocketSet::build(config, first, next);
    EXPECT_EQ(second.admin(), first.admin());
    config.admin.listen.reset();
    EXPECT_EQ(SocketSet::build(config, second, next).admin(), nullptr);
}

// Sockets of flows are bound by the router's user, so it owns the shared one, and those that a delivery before has left
// or a later one opens beside it.
TEST(SocketSet, SocketsOfFlowsBelongToTheRoutersUser) {
    const bool root = ::geteuid() == 0;
    const std::uint16_t number = test::free_ports();
    const auto config_of = [&](const std::string& handler) {
        config::Config config = with_ports({port_entry(handler, Protocol::udp, number)});
        config.router.user = root ? "nobody" : "";
        return config;
    };
    const uid_t wanted = root ? ::getpwnam("nobody")->pw_uid : ::geteuid();
    const auto owner = [](const std::shared_ptr<OpenSocket>& socket) {
        struct stat status {};
        EXPECT_EQ(::fstat(socket->fd.get(), &status), 0);
        return status.st_uid;
    };
    std::uint32_t next = 1;
    const config::Config flows = config_of("router"), inherited = config_of("self");
    const SocketSet first = SocketSet::build(flows, SocketSet(), next);
    first.tune(flows);
    EXPECT_EQ(owner(first.of_port(flows.ports[0], 0).at(0)), wanted);
    const SocketSet second = SocketSet::build(inherited, first, next);
    for (std::uint32_t slot = 0; slot < 3; ++slot)
        EXPECT_EQ(owner(second.of_port(inherited.ports[0], slot).at(0)), wanted) << slot;
    const SocketSet third = SocketSet::build(flows, second, next);
    third.tune(flows);
    for (const auto& [key, socket] : third.all()) EXPECT_EQ(owner(socket), wanted);
    EXPECT_EQ(third.all().size(), 3u) << "the spare ones stay";
}

// While flows of a delivery before live, the processes of the next one cannot have a socket each; one alone can.
TEST(SocketSet, FlowsKeepTheirPlace) {
    const std::uint16_t number = test::free_ports();
    std::uint32_t next = 1;
    config::Config flows = with_ports({port_entry("router", Protocol::udp, number)});
    config::Config inherited = with_ports({port_entry("self", Protocol::udp, number)});
    flows.ports[0].address = inherited.ports[0].address = test::kLoopback;
    const SocketSet first = SocketSet::build(flows, SocketSet(), next);
    std::error_code error;
    Fd flow = net::bind_flow_socket({test::kLoopback, number}, 0, error);
    ASSERT_FALSE(net::connect_flow_socket(flow.get(), {test::kLoopback, 9}, 0));
    EXPECT_NE(failure_of(inherited, first, next).find("flows of its delivery before live on"), std::string::npos);
    inherited.handlers[1].processes = 1;
    EXPECT_NO_THROW(SocketSet::build(inherited, first, next));
    inherited.handlers[1].processes = 3;
    flow.reset();
    EXPECT_NO_THROW(SocketSet::build(inherited, first, next));
}

}  // namespace portier::keeper
