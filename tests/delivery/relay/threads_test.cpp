#include "delivery/relay/threads.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include "delivery/relay/relay_case.hpp"
#include "support/log_capture.hpp"

namespace portier::delivery {

namespace {

class RelayThreadsTest : public test::RelayCase {
protected:
    ~RelayThreadsTest() override { threads_.stop(); }

    // Who relays is chosen in turn: the thread, the desk, the thread...
    Fd begin() {
        Fd client;
        threads_.begin(ticket(client));
        return client;
    }
    template <typename Condition>
    bool run_until(Condition condition) {
        return test::run_until(desk_, condition);
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
    RelayThreads threads_{desk_};
};

}  // namespace

// Without the desk running only the thread moves anything.
TEST_F(RelayThreadsTest, TheDeskRelaysItsShare) {
    threads_.start(1);
    const Fd first = begin();
    test::run_ready(desk_);
    const Fd firsts_far = test::accept_from(back_);
    EXPECT_TRUE(test::transfer(first, firsts_far, 10)) << "a thread's";
    Fd second = begin();
    Fd seconds_far = test::accept_from(back_);
    test::send_all(second, "question");
    ASSERT_TRUE(arrives(seconds_far, 8));
    test::send_all(seconds_far, "answer");
    ASSERT_TRUE(arrives(second, 6));
    second.reset();
    seconds_far.reset();
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[0]->received, 8u);
    EXPECT_TRUE(test::transfer(first, firsts_far, 10));
}

TEST_F(RelayThreadsTest, WhoMovesMuchLeavesTheDesk) {
    threads_.start(1);
    const Fd first = begin();
    test::run_ready(desk_);
    const Fd firsts_far = test::accept_from(back_), second = begin(), seconds_far = test::accept_from(back_);
    test::send_all(second, std::string(100'000, 'x'));
    ASSERT_TRUE(arrives(seconds_far, 100'000));
    EXPECT_TRUE(test::transfer(second, seconds_far, 1'000'000)) << "the desk does nothing now";
    EXPECT_TRUE(test::transfer(seconds_far, second, 1'000'000));
}

// A thread needs two descriptors, the desk one.
TEST_F(RelayThreadsTest, WithoutThreadsTheDeskRelaysAll) {
    const test::LogCapture quiet;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const Fd lowest_free(::fcntl(back_.get(), F_DUPFD_CLOEXEC, 0));
    const rlimit room_for_one{static_cast<rlim_t>(lowest_free.get()) + 2, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &room_for_one), 0);
    threads_.start(1);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_NE(quiet.text().find("fewer relay threads"), std::string::npos);
    const Fd client = begin(), far = test::accept_from(back_);
    test::send_all(client, std::string(300'000, 'x'));
    EXPECT_TRUE(arrives(far, 300'000));
}

TEST_F(RelayThreadsTest, EndAllEndsThoseOfAllThreads) {
    threads_.start(1);
    const Fd first = begin(), second = begin(), third = begin();
    ASSERT_TRUE(run_until([&] { return connected == 3; }));
    threads_.end_all(this);
    EXPECT_TRUE(ended.empty()) << "told later";
    ASSERT_TRUE(run_until([&] { return ended.size() == 3; }));
    for (const auto& ticket : ended) EXPECT_EQ(ticket->reason, metrics::Closed::unknown);
}

TEST_F(RelayThreadsTest, DeadlinesFallAtTheDeskToo) {
    threads_.start(1);
    std::vector<Fd> clients(2);
    for (Fd& client : clients) {
        auto idle = ticket(client);
        idle->idle_timeout_ms = 100;
        threads_.begin(std::move(idle));
    }
    ASSERT_TRUE(run_until([&] { return ended.size() == 2; }));
    for (const auto& ticket : ended) EXPECT_EQ(ticket->reason, metrics::Closed::idle);
}

TEST_F(RelayThreadsTest, WhoIsNotConnectedComesBack) {
    threads_.start(1);
    const std::uint16_t nobody = test::port_of(test::listen_somewhere());
    std::vector<Fd> clients(2);
    for (Fd& client : clients) threads_.begin(ticket(client, nobody));
    EXPECT_TRUE(not_connected.empty()) << "told later";
    ASSERT_TRUE(run_until([&] { return not_connected.size() == 2; }));
    for (const auto& ticket : not_connected) EXPECT_TRUE(ticket->accepted.socket);
}

}  // namespace portier::delivery
