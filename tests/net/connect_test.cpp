#include "net/connect.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include "support/folder.hpp"
#include "support/free_port.hpp"
#include "support/tcp.hpp"

namespace portier::net {

namespace {

// As epoll would tell: 0 or an errno.
int wait_for(const Connecting& attempt) {
    if (attempt.error) return attempt.error.value();
    if (attempt.done) return 0;
    pollfd writable{attempt.socket.get(), POLLOUT, 0};
    EXPECT_EQ(::poll(&writable, 1, 30'000), 1);
    return connect_result(attempt.socket.get());
}

Destination port(std::uint16_t number) {
    return destination(Endpoint{test::kLoopback, number});
}

Fd unix_listener(const std::string& path, int backlog) {
    Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Destination where = destination(path);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&where.address), where.length), 0);
    EXPECT_EQ(::listen(listener.get(), backlog), 0);
    return listener;
}

}  // namespace

TEST(Connect, ReachesAListener) {
    const Fd listener = test::listen_somewhere();
    const Connecting attempt = begin_connect(port(test::port_of(listener)));
    EXPECT_EQ(wait_for(attempt), 0);
    const Fd accepted = test::accept_from(listener);
    test::send_all(attempt.socket, "hello");
    EXPECT_EQ(test::receive_exactly(accepted, 5), "hello");
}

TEST(Connect, TellsThatNobodyIsThere) {
    EXPECT_EQ(wait_for(begin_connect(port(test::free_ports()))), ECONNREFUSED);
    EXPECT_EQ(wait_for(begin_connect(destination(std::string("/nowhere/at/all")))), ENOENT);
}

// Where nobody listens the kernel would connect a socket to itself, if it happens to get that port.
TEST(Connect, NobodyIsItself) {
    const Address anywhere{4, {}};
    for (const Address& address : {test::kLoopback, anywhere}) {
        const std::uint16_t nobody = test::free_ports();
        const Source there{{test::kLoopback, nobody}};
        EXPECT_EQ(wait_for(begin_connect(destination(Endpoint{address, nobody}), there)), ECONNREFUSED);
        EXPECT_NO_THROW(open_tcp_listener({test::kLoopback, nobody}, {}, 1)) << "who should be there can come back";
    }
}

// From an address of the caller's choice; a port of its own only if it is named.
TEST(Connect, ComesFromTheAddressThatIsWanted) {
    const Fd listener = test::listen_somewhere();
    const Address other{4, {127, 0, 0, 9}};
    const Connecting attempt = begin_connect(port(test::port_of(listener)), Source{{other, 0}});
    EXPECT_EQ(wait_for(attempt), 0);
    EXPECT_EQ(local_endpoint(attempt.socket.get()).address, other);
    EXPECT_NE(local_endpoint(attempt.socket.get()).port, 0);
    EXPECT_EQ(wait_for(begin_connect(port(test::port_of(listener)), Source{{{4, {192, 0, 2, 1}}, 0}})), EADDRNOTAVAIL);
}

// With the capability it is used, without it is said why.
TEST(Connect, AForeignSourceNeedsACapability) {
    const Fd listener = test::listen_somewhere();
    const Address foreign{4, {127, 0, 0, 9}};
    const Connecting attempt = begin_connect(port(test::port_of(listener)), Source{{foreign, 0}, true});
    if (::geteuid() == 0) {
        EXPECT_EQ(wait_for(attempt), 0);
        int transparent = 0;
        socklen_t size = sizeof transparent;
        ::getsockopt(attempt.socket.get(), IPPROTO_IP, IP_TRANSPARENT, &transparent, &size);
        EXPECT_EQ(transparent, 1);
    } else {
        EXPECT_EQ(attempt.error.value(), EPERM);
    }
    EXPECT_TRUE(is_wrong_source(EPERM));
}

// A full queue of a Unix listener is said at once, and is worth another try.
TEST(Connect, AFullUnixListenerIsAShortage) {
    const test::Folder folder;
    const std::string path = folder / "far.sock";
    const Fd listener = unix_listener(path, 0);
    const Connecting first = begin_connect(destination(path));
    EXPECT_EQ(wait_for(first), 0);
    const int error = wait_for(begin_connect(destination(path)));
    EXPECT_EQ(error, EAGAIN);
    EXPECT_TRUE(is_shortage(error));
    EXPECT_TRUE(is_shortage(EMFILE));
    EXPECT_FALSE(is_shortage(ECONNREFUSED));
}

}  // namespace portier::net
