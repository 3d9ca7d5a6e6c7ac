#include "delivery/relay/thread.hpp"

#include "delivery/relay/relay_case.hpp"

namespace portier::delivery {

namespace {

class RelayThreadTest : public test::RelayCase {
protected:
    void start(std::unique_ptr<RelayTicket> ticket) {
        std::vector<std::unique_ptr<RelayTicket>> tickets;
        tickets.push_back(std::move(ticket));
        thread_.expect_one();
        thread_.begin(std::move(tickets));
    }
    template <typename Condition>
    bool run_until(Condition condition) {
        return test::run_until(desk_, condition);
    }

    boost::asio::io_context desk_{1};
    RelayOutbox outbox_{desk_, test::tell};
    RelayThread thread_{outbox_};
};

}  // namespace

TEST_F(RelayThreadTest, RelaysAndReports) {
    Fd client;
    start(ticket(client));
    EXPECT_EQ(thread_.connections(), 1u);
    ASSERT_TRUE(run_until([&] { return connected == 1; }));
    Fd far = test::accept_from(back_);
    EXPECT_TRUE(test::transfer(client, far, 3'000'000));
    EXPECT_TRUE(test::transfer(far, client, 1000));
    client.reset();
    far.reset();
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[0]->received, 3'000'000u);
    EXPECT_EQ(ended[0]->sent, 1000u);
    EXPECT_EQ(thread_.connections(), 0u);
}

// A read stops at the mark of urgent data (tcp(7)), and nothing announces what lies behind it.
TEST_F(RelayThreadTest, UrgentDataHoldsNothingUp) {
    Fd client;
    start(ticket(client));
    const Fd far = test::accept_from(back_);
    test::send_all(client, "abc");
    ASSERT_EQ(::send(client.get(), "!", 1, MSG_OOB), 1);
    test::send_all(client, "efg");
    EXPECT_EQ(test::receive_exactly(far, 6), "abcefg");
}

TEST_F(RelayThreadTest, ManyAtOnceWithoutMixingThem) {
    std::vector<Fd> clients(100), fars;
    for (Fd& client : clients) start(ticket(client));
    for (std::size_t i = 0; i < clients.size(); ++i) {
        test::send_all(clients[i], std::to_string(1000 + i));
        ::shutdown(clients[i].get(), SHUT_WR);
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
        fars.push_back(test::accept_from(back_));
        test::send_all(fars.back(), "you said " + test::receive_all(fars.back()));
        fars.back().reset();
    }
    for (std::size_t i = 0; i < clients.size(); ++i)
        EXPECT_EQ(test::receive_all(clients[i]), "you said " + std::to_string(1000 + i));
    EXPECT_TRUE(run_until([&] { return connected == 100 && ended.size() == 100; }));
}

TEST_F(RelayThreadTest, WhoIsNotConnectedComesBack) {
    Fd client;
    const std::uint16_t nobody = test::port_of(test::listen_somewhere());
    start(ticket(client, nobody));
    ASSERT_TRUE(run_until([&] { return not_connected.size() == 1; }));
    EXPECT_EQ(not_connected[0]->error, ECONNREFUSED);
    EXPECT_TRUE(not_connected[0]->accepted.socket);
    EXPECT_EQ(connected, 0u);
    EXPECT_EQ(thread_.connections(), 0u);
}

// The thread has forgotten its socket: what the client does meanwhile harms nobody, and it may come again.
TEST_F(RelayThreadTest, WhoIsNotConnectedMayTryAgain) {
    Fd client;
    const std::uint16_t nobody = test::port_of(test::listen_somewhere());
    start(ticket(client, nobody));
    ASSERT_TRUE(run_until([&] { return not_connected.size() == 1; }));
    Fd other;
    start(ticket(other));  // may get the memory of the first
    const Fd others_far = test::accept_from(back_);
    test::send_all(client, "patience");
    auto again = std::move(not_connected[0]);
    Fd unused;
    again->backend = ticket(unused)->backend;
    start(std::move(again));
    const Fd far = test::accept_from(back_);
    EXPECT_EQ(test::receive_exactly(far, 8), "patience");
    EXPECT_TRUE(test::transfer(far, client, 1000));
    EXPECT_TRUE(test::transfer(client, far, 1000));
}

TEST_F(RelayThreadTest, DeadlinesFallWithoutAnyTraffic) {
    Fd client;
    auto idle = ticket(client);
    idle->idle_timeout_ms = 100;
    start(std::move(idle));
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[0]->reason, metrics::Closed::idle);
    EXPECT_EQ(test::end_of(client), 0);
}

// The owner's connections end, whatever they do.
TEST_F(RelayThreadTest, EndAllEndsThoseOfOneOwner) {
    Fd one, two;
    start(ticket(one));
    start(ticket(two));
    ASSERT_TRUE(run_until([&] { return connected == 2; }));
    thread_.end_all(nullptr);  // nobody's: none
    const Fd first = test::accept_from(back_), second = test::accept_from(back_);
    EXPECT_TRUE(test::transfer(one, first, 10));
    EXPECT_TRUE(test::transfer(two, second, 10));
    thread_.end_all(this);
    ASSERT_TRUE(run_until([&] { return ended.size() == 2; }));
    EXPECT_EQ(ended[0]->reason, metrics::Closed::unknown);
}

}  // namespace portier::delivery
