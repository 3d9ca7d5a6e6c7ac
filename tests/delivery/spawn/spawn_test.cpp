#include "delivery/spawn/spawn.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "delivery/descriptors.hpp"
#include "delivery/plan.hpp"
#include "delivery/spawn/request.hpp"
#include "metrics/board.hpp"
#include "net/lingering_closer.hpp"
#include "support/handoff_end.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::delivery {

namespace {

using test::Connection;

constexpr std::uint32_t kRow = 6;

class SpawnTest : public testing::Test {
protected:
    SpawnTest() { update(); }

    void update() {
        delivery_->update({.name = "git", .row = kRow, .delivery = "spawn", .spawn = plan_}, {}, descriptors_);
    }

    // The client's end of a connection that was delivered.
    Connection deliver(std::uint16_t number, const std::string& source = "10.0.0.1") {
        Connection connection(number, source);
        connection.accepted.port_row = 3;
        delivery_->deliver(std::move(connection.accepted));
        return connection;
    }
    void end(std::uint64_t cookie, bool started = true) {
        delivery_->on_spawned_ended({.cookie = cookie, .handler = kRow, .started = started});
    }
    std::vector<std::uint64_t> asked() const {
        std::vector<std::uint64_t> result;
        for (const SpawnRequest& request : requests_) result.push_back(request.cookie);
        return result;
    }
    std::optional<metrics::Rejected> refused(const std::string& source) const {
        return delivery_->refuse(*net::parse_address(source));
    }

    boost::asio::io_context io_{1};
    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    Descriptors descriptors_;
    net::LingeringCloser closer_;
    SpawnPlan plan_{.style = "inetd", .max_processes = 2};
    unsigned rooms_ = 0;
    bool link_is_full_ = false;
    std::vector<SpawnRequest> requests_;
    std::unique_ptr<Delivery> delivery_ = make_spawn({.io = io_,
                                                      .board = *board_,
                                                      .closer = closer_,
                                                      .on_room = [this] { ++rooms_; },
                                                      .on_spawn =
                                                          [this](const SpawnRequest& request, int connection) {
                                                              EXPECT_GE(connection, 0);
                                                              if (!link_is_full_) requests_.push_back(request);
                                                              return !link_is_full_;
                                                          }});
};

using Cookies = std::vector<std::uint64_t>;

}  // namespace

// Each connection is asked for with all that its program shall know, recorded as nobody's, and let go of.
TEST_F(SpawnTest, AsksForAProcess) {
    const Connection connection = deliver(7, "10.9.9.9");
    ASSERT_EQ(requests_.size(), 1u);
    EXPECT_EQ(requests_[0].cookie, 7u);
    EXPECT_EQ(requests_[0].handler, kRow);
    EXPECT_EQ(net::to_string(requests_[0].local), "127.0.0.1:7001");
    EXPECT_EQ(net::to_string(requests_[0].remote), "10.9.9.9:7");
    EXPECT_GT(requests_[0].accepted_us, 0u);
    EXPECT_TRUE(test::eventually([&] { return connection.closed(); }));
    metrics::Handover record;
    ASSERT_TRUE(board_->handovers.pop(record));
    EXPECT_EQ(record.cookie, 7u);
    EXPECT_EQ(record.process, 0u);
    EXPECT_EQ(record.port, 3u);
    EXPECT_TRUE(delivery_->idle());
}

// At max_processes there is no room; the end of one makes room, and who waits is told once.
TEST_F(SpawnTest, HasRoomForSoMany) {
    const Connection one = deliver(1), two = deliver(2);
    EXPECT_FALSE(delivery_->has_room());
    EXPECT_TRUE(delivery_->at_limit());
    EXPECT_EQ(refused("10.0.0.1"), metrics::Rejected::limit);
    delivery_->demand();
    end(77);
    EXPECT_EQ(rooms_, 0u) << "that was none of ours";
    end(1);
    EXPECT_EQ(rooms_, 1u);
    EXPECT_TRUE(delivery_->has_room());
    EXPECT_EQ(refused("10.0.0.1"), std::nullopt);
    end(2);
    EXPECT_EQ(rooms_, 1u);
}

// What was accepted without room, because its port went away, gets the next process.
TEST_F(SpawnTest, KeepsWhatItHasNoRoomFor) {
    const Connection one = deliver(1), two = deliver(2), three = deliver(3);
    EXPECT_EQ(asked(), (Cookies{1, 2}));
    EXPECT_FALSE(delivery_->idle());
    end(2);
    EXPECT_EQ(asked(), (Cookies{1, 2, 3}));
    EXPECT_FALSE(delivery_->has_room());
    EXPECT_TRUE(delivery_->idle());
}

// A source has a limit of its own; an IPv6 source is its network.
TEST_F(SpawnTest, LimitsEachSource) {
    plan_ = {.style = "inetd", .max_processes = 100, .max_processes_per_source = 1};
    update();
    const Connection one = deliver(1, "10.0.0.1"), two = deliver(2, "2001:db8::1");
    EXPECT_EQ(refused("10.0.0.1"), metrics::Rejected::source_limit);
    EXPECT_EQ(refused("2001:db8::ffff"), metrics::Rejected::source_limit);
    EXPECT_EQ(refused("10.0.0.2"), std::nullopt);
    EXPECT_EQ(refused("2001:db8:0:1::1"), std::nullopt);
    EXPECT_FALSE(delivery_->at_limit());
    end(1);
    EXPECT_EQ(refused("10.0.0.1"), std::nullopt);
}

// A program that cannot be started does not make us spin: the next connections wait a little.
TEST_F(SpawnTest, PausesAfterAFailedStart) {
    const Connection one = deliver(1);
    end(1, false);
    EXPECT_FALSE(delivery_->has_room());
    EXPECT_FALSE(delivery_->at_limit()) << "that is no limit";
    const Connection two = deliver(2);
    EXPECT_EQ(asked(), (Cookies{1}));
    delivery_->demand();
    EXPECT_TRUE(test::run_until(io_, [&] { return rooms_ == 1; }));
    EXPECT_EQ(asked(), (Cookies{1, 2}));
}

// A keeper that is too busy to hear is asked again.
TEST_F(SpawnTest, AsksAgain) {
    link_is_full_ = true;
    const Connection one = deliver(1);
    EXPECT_FALSE(delivery_->has_room());
    EXPECT_FALSE(delivery_->idle());
    delivery_->demand();
    test::run_ready(io_);
    link_is_full_ = false;
    EXPECT_TRUE(test::run_until(io_, [&] { return rooms_ == 1; }));
    EXPECT_EQ(asked(), (Cookies{1}));
}

// A router that takes over counts those that the one before asked for, each once.
TEST_F(SpawnTest, TakesOverWhoRuns) {
    plan_.max_processes_per_source = 1;
    plan_.running = {{.cookie = 11, .source = "10.0.0.1"}, {.cookie = 12, .source = "10.0.0.2"}};
    update();
    update();
    EXPECT_TRUE(delivery_->at_limit());
    EXPECT_EQ(refused("10.0.0.1"), metrics::Rejected::source_limit);
    end(11);
    EXPECT_FALSE(delivery_->at_limit());
    EXPECT_EQ(refused("10.0.0.1"), std::nullopt);
}

// A lower limit holds for new ones; a higher one makes room.
TEST_F(SpawnTest, FollowsThePlan) {
    const Connection one = deliver(1), two = deliver(2);
    delivery_->demand();
    plan_.max_processes = 3;
    update();
    EXPECT_EQ(rooms_, 1u);
    plan_.max_processes = 1;
    update();
    end(1);
    EXPECT_FALSE(delivery_->has_room());
    end(2);
    EXPECT_TRUE(delivery_->has_room());
}

// For a handler that is gone nobody starts anything any more: who waited is let go.
TEST_F(SpawnTest, LetsGoWhenTheHandlerIsGone) {
    const Connection one = deliver(1), two = deliver(2), three = deliver(3);
    EXPECT_FALSE(three.closed());
    delivery_->update({}, {}, descriptors_);
    EXPECT_TRUE(test::eventually([&] { return three.closed(); }));
    EXPECT_TRUE(delivery_->idle());
    EXPECT_EQ(asked(), (Cookies{1, 2}));
}

// Nobody has seen it, and a peaceful end would look like an empty answer.
TEST_F(SpawnTest, WhoIsLetGoSeesAReset) {
    plan_.max_processes = 0;
    update();
    const Fd listener = test::listen_somewhere();
    test::Pair pair = test::make_pair(listener);
    Connection connection(1);
    connection.accepted.socket = std::move(pair.accepted);
    delivery_->deliver(std::move(connection.accepted));
    delivery_->update({}, {}, descriptors_);
    char byte;
    EXPECT_LT(::recv(pair.client.get(), &byte, 1, 0), 0);
    EXPECT_EQ(errno, ECONNRESET);
}

}  // namespace portier::delivery
