#include "delivery/relay/loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include "delivery/relay/full_epoll.hpp"
#include "delivery/relay/relay_case.hpp"

namespace portier::delivery {

namespace {

constexpr std::size_t kBudget = sizeof(RelaySupplies::Buffer);

class RelayLoopTest : public test::RelayCase {
protected:
    void begin(std::unique_ptr<RelayTicket> ticket) {
        loop_.expect_one();
        loop_.begin(std::move(ticket));
    }
    // Lets the loops work until then; who leaves the first one is adopted by the other.
    template <typename Condition>
    bool run_until(Condition condition) {
        return test::eventually([&] {
            for (RelayLoop* loop : {&loop_, &other_}) {
                loop->collect(0);
                loop->work();
            }
            RelayLoop::Pairs leaving = loop_.take_leaving();
            for (std::size_t i = 0; i < leaving.size(); ++i) other_.expect_one();
            left_ += leaving.size();
            other_.adopt(std::move(leaving));
            outbox_.tell_all();
            return condition();
        });
    }
    bool arrives(const Fd& to, std::size_t size) {
        std::size_t got = 0;
        char buffer[65536];
        return run_until([&] {
            const ssize_t more = ::recv(to.get(), buffer, sizeof buffer, MSG_DONTWAIT);
            if (more > 0) got += static_cast<std::size_t>(more);
            return got == size;
        });
    }

    boost::asio::io_context desk_{1};
    RelayOutbox outbox_{desk_, test::tell};
    RelayLoop loop_{outbox_, {.budget = kBudget, .turns_of_a_stay = 8}}, other_{outbox_, {}};
    std::size_t left_ = 0;
};

}  // namespace

TEST_F(RelayLoopTest, AQuestionAndItsAnswerStay) {
    Fd client;
    begin(ticket(client));
    Fd far = test::accept_from(back_);
    test::send_all(client, "question");
    ASSERT_TRUE(arrives(far, 8));
    test::send_all(far, "answer");
    ASSERT_TRUE(arrives(client, 6));
    client.reset();
    ASSERT_TRUE(arrives(far, 0));
    far.reset();
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[0]->received, 8u);
    EXPECT_EQ(ended[0]->sent, 6u);
    EXPECT_EQ(left_, 0u);
    EXPECT_EQ(loop_.connections(), 0u);
}

TEST_F(RelayLoopTest, WhoMovesMuchLeaves) {
    Fd client;
    begin(ticket(client));
    const Fd far = test::accept_from(back_);
    test::send_all(client, std::string(3 * kBudget, 'x'));
    EXPECT_TRUE(arrives(far, 3 * kBudget));
    EXPECT_EQ(left_, 1u);
    EXPECT_EQ(loop_.connections(), 0u);
    EXPECT_EQ(other_.connections(), 1u);
    client.reset();
    ASSERT_TRUE(run_until([&] { return test::end_of(far) == 0; }));
}

TEST_F(RelayLoopTest, WhoStaysLongLeaves) {
    Fd client;
    begin(ticket(client));
    const Fd far = test::accept_from(back_);
    for (unsigned i = 0; i < 8; ++i) {
        test::send_all(client, "x");
        ASSERT_TRUE(arrives(far, 1));
    }
    EXPECT_EQ(left_, 1u);
    EXPECT_TRUE(run_until([&] { return connected == 1; }));
}

// It takes along what the sink had no room for.
TEST_F(RelayLoopTest, WhoLeavesWithAFullBufferLosesNothing) {
    Fd client;
    begin(ticket(client));
    const Fd far = test::accept_from(back_);
    std::size_t sent = 0;
    const std::string piece(65536, 'x');
    ASSERT_TRUE(run_until([&] {  // until all buffers on the way are full
        const ssize_t size = ::send(client.get(), piece.data(), piece.size(), MSG_DONTWAIT);
        if (size > 0) sent += static_cast<std::size_t>(size);
        return size < 0 && left_ == 1;
    }));
    client.reset();
    EXPECT_TRUE(arrives(far, sent));
    ASSERT_TRUE(run_until([&] { return test::end_of(far) == 0; }));
}

TEST_F(RelayLoopTest, WhoHasLeftKeepsItsDeadline) {
    Fd client;
    auto idle = ticket(client);
    idle->idle_timeout_ms = 100;
    begin(std::move(idle));
    const Fd far = test::accept_from(back_);
    test::send_all(client, std::string(3 * kBudget, 'x'));
    ASSERT_TRUE(arrives(far, 3 * kBudget));
    ASSERT_EQ(left_, 1u);
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[0]->reason, metrics::Closed::idle);
    EXPECT_EQ(ended[0]->received, 3 * kBudget);
}

TEST_F(RelayLoopTest, WhoCannotBeWatchedComesBack) {
    const test::FullEpoll full;
    Fd client;
    begin(ticket(client));
    ASSERT_TRUE(run_until([&] { return not_connected.size() == 1; }));
    EXPECT_TRUE(net::is_shortage(not_connected[0]->error));
    test::send_all(not_connected[0]->accepted.socket, "still here");
    EXPECT_EQ(test::receive_exactly(client, 10), "still here");
    EXPECT_EQ(loop_.connections(), 0u);
}

// In the middle of its bytes, so nobody may take it for the end.
TEST_F(RelayLoopTest, WhoCannotBeWatchedWhereItGoesIsCut) {
    Fd client;
    begin(ticket(client));
    const Fd far = test::accept_from(back_);
    const test::FullEpoll full;
    test::send_all(client, std::string(2 * kBudget, 'x'));
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[0]->reason, metrics::Closed::unknown);
    EXPECT_EQ(test::end_of(client), ECONNRESET);
    EXPECT_EQ(test::receive_exactly(far, kBudget).size(), kBudget);
    EXPECT_EQ(test::end_of(far), ECONNRESET);
    EXPECT_EQ(other_.connections(), 0u);
}

TEST_F(RelayLoopTest, SaysHowLongItMayWait) {
    EXPECT_EQ(loop_.patience(), -1);
    Fd client;
    begin(ticket(client));
    EXPECT_GT(loop_.patience(), 0) << "it may take too long to connect";
    EXPECT_LE(loop_.patience(), static_cast<int>(TimerWheel::kTickMs));
    loop_.end_all(this);
    EXPECT_EQ(loop_.patience(), 0) << "there is something to tell";
    loop_.work();
    EXPECT_EQ(loop_.patience(), -1);
}

TEST_F(RelayLoopTest, AnEdgeEndsTheWaiting) {
    const Fd edge(::eventfd(0, EFD_CLOEXEC));
    loop_.watch_for_wake_up(edge.get());
    for (int i = 0; i < 2; ++i) {  // nobody reads it
        const std::uint64_t one = 1;
        ASSERT_EQ(::write(edge.get(), &one, sizeof one), 8);
        loop_.collect(-1);
    }
}

}  // namespace portier::delivery
