#include "delivery/relay/relay.hpp"

#include "delivery/descriptors.hpp"
#include "delivery/relay/relay_case.hpp"
#include "delivery/relay/threads.hpp"
#include "net/lingering_closer.hpp"
#include "support/folder.hpp"
#include "support/log_capture.hpp"

namespace portier::delivery {

namespace {

using metrics::Closed;

class RelayTest : public test::RelayCase {
protected:
    RelayTest() {
        threads_.start(8);  // every ninth connection would be the desk's, which these tests do not always run
        plan_ = {.name = "far", .row = 1, .delivery = "relay", .balance = "round-robin"};
        plan_.relay.connect_timeout_ms = 30'000;
        plan_.relay.attempts = 3;
        plan_.relay.fail_timeout_ms = 10'000;
        plan_.relay.queue_max = 1;
        plan_.relay.queue_timeout_ms = 60'000;
        add(kBackendRow, test::port_of(back_));
    }
    ~RelayTest() override { threads_.stop(); }

    static constexpr std::uint32_t kBackendRow = test::kBackendRow;

    BackendPlan& add(std::uint32_t row, std::uint16_t port) {
        plan_.relay.backends.push_back({.row = row, .name = "far", .address = "127.0.0.1", .port = port});
        return plan_.relay.backends.back();
    }
    void apply() { relay_->update(plan_, {}, none_); }
    Fd deliver() {
        Fd client;
        relay_->deliver(accepted(client));
        return client;
    }
    bool run_until_ended(std::size_t count) {
        return test::run_until(io_, [&] { return reasons_.size() == count; });
    }
    std::uint64_t queue_length() const { return board_->handlers[1].queue_length.get(); }

    test::LogCapture quiet_;
    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    boost::asio::io_context io_{1};
    net::LingeringCloser closer_;
    RelayThreads threads_{io_};
    Descriptors none_;
    HandlerPlan plan_;
    std::vector<Closed> reasons_;
    unsigned demands_ = 0, rooms_ = 0;
    std::unique_ptr<Delivery> relay_ = make_relay({.io = io_,
                                                   .board = *board_,
                                                   .closer = closer_,
                                                   .on_room = [this] { ++rooms_; },
                                                   .on_broken = [](std::uint32_t) {},
                                                   .on_demand =
                                                       [this](std::uint32_t) {
                                                           ++demands_;
                                                           return true;
                                                       },
                                                   .on_ended = [this](const Ended& e) { reasons_.push_back(e.reason); },
                                                   .relay_threads = &threads_});
};

}  // namespace

TEST_F(RelayTest, DeliversToTheBackendAndCountsThere) {
    apply();
    Fd client = deliver();
    test::run_ready(io_);
    Fd far = test::accept_from(back_);
    EXPECT_TRUE(test::transfer(client, far, 100));
    EXPECT_FALSE(relay_->idle());
    EXPECT_EQ(board_->backends[kBackendRow].active(), 1u);
    far.reset();
    EXPECT_EQ(test::end_of(client), 0) << "the client leaves only after it has seen that the backend has";
    client.reset();
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_EQ(reasons_[0], Closed::handler_close);
    EXPECT_TRUE(relay_->idle());
    EXPECT_EQ(board_->backends[kBackendRow].active(), 0u);
}

TEST_F(RelayTest, TriesOthersAndGivesUpWithAReset) {
    plan_.relay.backends.clear();
    add(6, test::port_of(test::listen_somewhere()));
    add(7, test::port_of(test::listen_somewhere()));
    apply();
    const Fd client = deliver();
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_EQ(reasons_[0], Closed::no_backend);
    EXPECT_EQ(test::end_of(client), ECONNRESET);
    EXPECT_EQ(board_->backends[6].opened.get(), 1u);
    EXPECT_EQ(board_->backends[7].opened.get(), 1u);
}

TEST_F(RelayTest, WhoFindsNoRoomWaitsAndTheNextIsRefused) {
    plan_.relay.backends.front().max_connections = 1;
    apply();
    Fd first = deliver();
    const Fd second = deliver(), third = deliver();
    EXPECT_EQ(queue_length(), 1u);
    ASSERT_EQ(reasons_.size(), 1u);
    EXPECT_EQ(reasons_[0], Closed::queue_full);
    test::run_ready(io_);
    Fd far = test::accept_from(back_);
    far.reset();
    first.reset();
    ASSERT_TRUE(run_until_ended(2));
    EXPECT_EQ(queue_length(), 0u);
    test::run_ready(io_);
    const Fd next = test::accept_from(back_);
    EXPECT_TRUE(test::transfer(second, next, 10));
}

// Who was refused by one backend waits for the others; that one is back for those behind it.
TEST_F(RelayTest, WhoHasFailedHoldsUpNobodyBehindIt) {
    plan_.relay.backends.front().max_connections = 1;
    plan_.relay.queue_max = 10;
    plan_.relay.fail_timeout_ms = 1000;
    const Fd later(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const socklen_t length = net::to_sockaddr({test::kLoopback, 0}, address);
    ASSERT_EQ(::bind(later.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
    add(6, test::port_of(later));
    apply();
    const Fd first = deliver(), refused = deliver();
    ASSERT_TRUE(test::run_until(io_, [&] { return queue_length() == 1; }));
    ASSERT_EQ(::listen(later.get(), 8), 0);
    const Fd behind = deliver();
    ASSERT_TRUE(test::run_until(io_, [&] { return test::is_readable(later); }));
    const Fd far = test::accept_from(later);
    EXPECT_TRUE(test::transfer(behind, far, 10));
    EXPECT_EQ(queue_length(), 1u);
}

// As many vain attempts as there are connections, each time, would keep the desk from accepting for others.
TEST_F(RelayTest, AfterAShortageOneTriesForAll) {
    const test::Folder folder;
    const std::string path = folder / "far.sock";
    const Fd listener = test::listen_at(path, 0);
    constexpr std::size_t kClients = 100;
    plan_.relay.backends = {{.row = 6, .name = "far", .path = path}};
    plan_.relay.queue_max = kClients;
    apply();
    std::vector<Fd> clients(kClients), fars;
    for (Fd& client : clients) client = deliver();
    ASSERT_TRUE(test::run_until(io_, [&] { return queue_length() == kClients - 1; }))
        << "one is in the backend's queue";
    const auto& opened = board_->backends[6].opened;
    const std::uint64_t before = opened.get();
    ASSERT_TRUE(test::run_until(io_, [&] { return opened.get() > before; }));
    EXPECT_LT(opened.get() - before, 10u);
    ASSERT_TRUE(test::run_until(io_, [&] {
        if (test::is_readable(listener)) fars.push_back(test::accept_from(listener));
        return fars.size() == kClients;
    }));
    EXPECT_EQ(queue_length(), 0u);
}

TEST_F(RelayTest, WaitingHasAnEnd) {
    plan_.relay.backends.front().max_connections = 1;
    plan_.relay.queue_timeout_ms = 50;
    apply();
    const Fd first = deliver(), second = deliver();
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_EQ(reasons_[0], Closed::queue_timeout);
    EXPECT_EQ(test::end_of(second), ECONNRESET);
}

// A handler that is gone serves what it has; the end cuts it.
TEST_F(RelayTest, LivesOnUntilTheEnd) {
    apply();
    const Fd client = deliver();
    test::run_ready(io_);
    const Fd far = test::accept_from(back_);
    relay_->update({}, {}, none_);
    EXPECT_TRUE(test::transfer(client, far, 100));
    relay_->end();
    ASSERT_TRUE(run_until_ended(1));
    EXPECT_TRUE(relay_->idle());
    EXPECT_EQ(test::end_of(client), ECONNRESET);
}

// A program of ours that starts on demand: connections wait with the kernel until it is there.
TEST_F(RelayTest, AsksForTheProcessThatStartsOnDemand) {
    plan_.on_demand = true;
    apply();
    EXPECT_FALSE(relay_->has_room());
    relay_->demand();
    EXPECT_EQ(demands_, 1u);
    plan_.processes = {{.row = 1, .slot = 0, .channel = 0}};
    apply();
    EXPECT_TRUE(relay_->has_room());
    EXPECT_EQ(rooms_, 1u);
}

}  // namespace portier::delivery
