#include "desk/kernel_gauges.hpp"

#include <gtest/gtest.h>

#include "desk/accounting_case.hpp"

namespace portier::desk {

namespace {

class KernelGaugesTest : public test::AccountingCase {
protected:
    KernelGauges gauges_{io_, *board_};

    template <typename Condition>
    bool refresh_until(Condition condition) {
        return test::eventually([&] {
            gauges_.refresh();
            return condition();
        });
    }
};

}  // namespace

// How many wait to be accepted, and how many may: up and down.
TEST_F(KernelGaugesTest, ShowsAcceptQueues) {
    listener_ = test::listen_somewhere(17);
    plan_.ports[0].first = plan_.ports[0].last = test::port_of(listener_);
    gauges_.apply(plan_);
    const Fd first = test::connect_to(test::port_of(listener_)), second = test::connect_to(test::port_of(listener_));
    EXPECT_TRUE(refresh_until([&] { return row().accept_queue_length.get() == 2; }));
    EXPECT_EQ(row().accept_queue_limit.get(), 17u);
    const Fd one = test::accept_from(listener_), two = test::accept_from(listener_);
    EXPECT_TRUE(refresh_until([&] { return row().accept_queue_length.get() == 0; }));
}

// The board is brought up to date without anybody asking, so that it is fit for who only reads it.
TEST_F(KernelGaugesTest, LooksByItself) {
    gauges_.apply(plan_);
    const Fd waiting = test::connect_to(test::port_of(listener_));
    EXPECT_TRUE(test::run_until(io_, [&] { return row().accept_queue_length.get() == 1; }));
    const Fd accepted = test::accept_from(listener_);
    EXPECT_TRUE(test::run_until(io_, [&] { return row().accept_queue_length.get() == 0; }));
}

// The queues of a range are one sum.
TEST_F(KernelGaugesTest, SumsAcceptQueuesOfARange) {
    Fd low, high;
    ASSERT_TRUE(test::eventually([&] {
        low = test::listen_somewhere(10);
        const std::uint16_t next = static_cast<std::uint16_t>(test::port_of(low) + 1);
        try {
            high = net::open_tcp_listener({test::kLoopback, next}, {}, 5);
        } catch (const std::system_error&) {
            return false;  // somebody has that port
        }
        return true;
    }));
    plan_.ports[0].address = "127.0.0.1";
    plan_.ports[0].first = test::port_of(low);
    plan_.ports[0].last = test::port_of(high);
    gauges_.apply(plan_);
    const Fd first = test::connect_to(test::port_of(low)), second = test::connect_to(test::port_of(high));
    EXPECT_TRUE(refresh_until([&] { return row().accept_queue_length.get() == 2; }));
    EXPECT_EQ(row().accept_queue_limit.get(), 15u);
}

// Datagrams that found the queue of the port's sockets full.
TEST_F(KernelGaugesTest, ShowsDroppedDatagrams) {
    const Fd socket = net::open_udp_socket({test::kLoopback, 0}, true);
    plan_.ports[0].protocol = "udp";
    plan_.ports[0].first = plan_.ports[0].last = test::port_of(socket);
    gauges_.apply(plan_);
    sockaddr_storage address;
    const socklen_t length = net::to_sockaddr(net::local_endpoint(socket.get()), address);
    const Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const std::string datagram(1000, 'd');
    unsigned kept = 0;
    for (int i = 0; i < 5000; ++i)
        ::sendto(client.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&address), length);
    for (char byte; ::recv(socket.get(), &byte, 1, MSG_DONTWAIT) == 1;) ++kept;
    ASSERT_LT(kept, 5000u);
    EXPECT_TRUE(refresh_until([&] { return row().datagrams_dropped.get() == 5000 - kept; }));
}

}  // namespace portier::desk
