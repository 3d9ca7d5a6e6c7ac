#include "desk/listener.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "base/clock.hpp"
#include "desk/listener_case.hpp"

namespace portier::desk {

namespace {

using metrics::Rejected;

class ListenerTest : public test::ListenerCase {};

// What the client sees when it is refused.
int errno_of_receive(const Fd& client) {
    char byte;
    return ::recv(client.get(), &byte, 1, 0) < 0 ? errno : 0;
}

}  // namespace

// A connection comes with both its ends, its cookie, its port and its time, as a socket that neither blocks nor leaks.
TEST_F(ListenerTest, DeliversWithAllItsParticulars) {
    start();
    const std::uint64_t before = monotonic_microseconds();
    const Fd one = client();
    ASSERT_TRUE(run_until_delivered(1));
    const delivery::Accepted& accepted = delivery_.delivered[0];
    EXPECT_EQ(accepted.remote, net::local_endpoint(one.get()));
    EXPECT_EQ(accepted.local, (net::Endpoint{test::kLoopback, number_}));
    EXPECT_EQ(accepted.cookie, net::socket_cookie(accepted.socket.get()));
    EXPECT_EQ(accepted.port_row, 7u);
    EXPECT_GE(accepted.accepted_us, before);
    EXPECT_LE(accepted.accepted_us, monotonic_microseconds());
    EXPECT_TRUE(::fcntl(accepted.socket.get(), F_GETFL) & O_NONBLOCK);
    EXPECT_TRUE(::fcntl(accepted.socket.get(), F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ(port_.row->accepted.get(), 1u);
}

// In one turn it accepts 64 and then lets others have theirs; the rest comes in the next turns.
TEST_F(ListenerTest, KeepsToItsBudget) {
    start();
    const auto waiting = clients(150);
    ASSERT_TRUE(test::eventually([&] { return io_.poll_one() == 1; }));
    EXPECT_EQ(delivery_.delivered.size(), 64u);
    EXPECT_EQ(delivery_.bursts, 1u);
    ASSERT_TRUE(run_until_delivered(150));
    EXPECT_GE(delivery_.bursts, 3u);
    EXPECT_EQ(port_.row->accepted.get(), 150u);
}

// At the handler's own limit a port that refuses accepts and refuses, one that waits does not accept.
TEST_F(ListenerTest, FollowsTheHandlersLimit) {
    delivery_.room = 0;
    delivery_.limit = true;
    delivery_.refusal = Rejected::limit;
    start({.over_limit = "close"});
    const auto refused = clients(3);
    ASSERT_TRUE(run_until_rejected(Rejected::limit, 3));
    EXPECT_EQ(delivery_.demands, 0u);
    port_.admission->update({.over_limit = "wait"});
    const auto waiting = clients(2);
    ASSERT_TRUE(test::run_until(io_, [&] { return delivery_.demands == 1; }));
    EXPECT_EQ(rejected(Rejected::limit), 3u);
    delivery_.room = 100;
    delivery_.limit = false;
    delivery_.refusal = std::nullopt;
    listener_->resume();
    ASSERT_TRUE(run_until_delivered(2));
}

// A source that has enough of the handler's processes is refused wherever others wait, and counts for the port no more.
TEST_F(ListenerTest, FollowsTheHandlersLimitOfASource) {
    delivery_.refusal = Rejected::source_limit;
    start({.max_connections_per_source = 1, .over_limit = "wait"});
    const auto refused = clients(2);
    ASSERT_TRUE(run_until_rejected(Rejected::source_limit, 2));
    delivery_.refusal = std::nullopt;
    const Fd welcome = client();
    ASSERT_TRUE(run_until_delivered(1));
}

// Without room connections stay with the kernel, the delivery hears of it once, and resume() goes on.
TEST_F(ListenerTest, WaitsForRoom) {
    delivery_.room = 2;
    start();
    const auto waiting = clients(5);
    ASSERT_TRUE(test::run_until(io_, [&] { return delivery_.demands == 1; }));
    EXPECT_EQ(delivery_.delivered.size(), 2u);
    for (int i = 0; i < 100; ++i) test::run_ready(io_);
    EXPECT_EQ(delivery_.demands, 1u) << "it spins";

    delivery_.room = 4;
    listener_->resume();
    ASSERT_TRUE(run_until_delivered(4));
    delivery_.room = 100;
    listener_->resume();
    EXPECT_TRUE(run_until_delivered(5));
    EXPECT_EQ(rejected(Rejected::error), 0u);
}

// `over_limit: wait`: the next one waits until one has ended, and nobody is refused.
TEST_F(ListenerTest, WaitsAtTheLimit) {
    start({.max_connections = 2, .over_limit = "wait"});
    const auto waiting = clients(3);
    ASSERT_TRUE(run_until_delivered(2));
    for (int i = 0; i < 100; ++i) test::run_ready(io_);
    EXPECT_EQ(delivery_.delivered.size(), 2u);
    port_.row->closed[0].add();  // as accounting does
    EXPECT_TRUE(run_until_delivered(3));
    EXPECT_EQ(rejected(Rejected::limit), 0u);
}

// `over_limit: wait` with a rate: all are accepted in the end, none faster than the rate.
TEST_F(ListenerTest, WaitsForTheRate) {
    start({.accept_rate = {1, 20}, .over_limit = "wait"});
    const std::uint64_t begin = monotonic_microseconds();
    const auto waiting = clients(4);
    ASSERT_TRUE(run_until_delivered(4));
    EXPECT_GE(monotonic_microseconds() - begin, 60'000u);
    EXPECT_EQ(rejected(Rejected::rate), 0u);
}

// `over_limit: reset`: one too many is reset and counted, and is not an accepted connection.
TEST_F(ListenerTest, ResetsAboveTheLimit) {
    start({.max_connections = 2, .over_limit = "reset"});
    const auto waiting = clients(3);
    ASSERT_TRUE(run_until_rejected(Rejected::limit, 1));
    EXPECT_EQ(delivery_.delivered.size(), 2u);
    EXPECT_EQ(port_.row->accepted.get(), 2u);
    EXPECT_EQ(errno_of_receive(waiting[2]), ECONNRESET);
}

// `over_limit: close`: one too many is closed in peace.
TEST_F(ListenerTest, ClosesAboveTheLimit) {
    start({.max_connections = 2, .over_limit = "close"});
    const auto waiting = clients(3);
    ASSERT_TRUE(run_until_rejected(Rejected::limit, 1));
    EXPECT_EQ(delivery_.delivered.size(), 2u);
    EXPECT_EQ(errno_of_receive(waiting[2]), 0);
}

// Each other reason to refuse has its own count.
TEST_F(ListenerTest, CountsWhyItRefuses) {
    const struct {
        delivery::AdmissionPlan plan;
        Rejected reason;
    } cases[]{
        {{.deny = {{"127.0.0.0", 8}}}, Rejected::denied},
        {{.max_connections_per_source = 1}, Rejected::source_limit},
        {{.accept_rate = {1, 3'600'000}, .over_limit = "close"}, Rejected::rate},
        {{.accept_rate_per_source = {1, 3'600'000}}, Rejected::source_rate},
    };
    start();
    for (const auto& c : cases) {
        port_.admission = std::make_unique<Admission>(c.plan);
        const Fd first = client(), second = client();
        EXPECT_TRUE(test::run_until(io_, [&] { return rejected(c.reason) > 0; })) << static_cast<int>(c.reason);
    }
    EXPECT_EQ(rejected(Rejected::denied), 2u);
    EXPECT_EQ(delivery_.delivered.size(), 3u);
}

// A client that resets while it waits harms nobody behind it.
TEST_F(ListenerTest, SurvivesResetsInTheQueue) {
    start();
    Fd first = client();
    test::reset(first);
    const Fd second = client();
    const net::Endpoint wanted = net::local_endpoint(second.get());
    EXPECT_TRUE(test::run_until(
        io_, [&] { return !delivery_.delivered.empty() && delivery_.delivered.back().remote == wanted; }));
}

// The last act of a port: everything that waits is delivered, room or not.
TEST_F(ListenerTest, FinishDeliversWhatWaits) {
    start();
    delivery_.room = 10;
    const auto waiting = clients(100);
    listener_->finish();
    EXPECT_EQ(delivery_.delivered.size(), 100u);
}

// But not more than the records of them can be kept up with.
TEST_F(ListenerTest, FinishStopsWhenTheRecordsAreBehind) {
    start();
    delivery_.room = 0;
    const auto waiting = clients(10);
    delivery_.behind = true;
    listener_->finish();
    EXPECT_TRUE(delivery_.delivered.empty());
}

// Who comes right after somebody has left is not refused only because that is not counted yet.
TEST_F(ListenerTest, WaitsForEndsToBeCountedBeforeItRefuses) {
    start({.max_connections = 1, .over_limit = "close"});
    port_.row->accepted.add();
    const Fd one = client();
    ASSERT_TRUE(test::run_until(io_, [&] { return !test::is_readable(listener_socket()); }));
    port_.row->closed[0].add();
    ASSERT_TRUE(run_until_delivered(1));
    EXPECT_EQ(rejected(Rejected::limit), 0u);
}

// A program that shares the socket may make it block; accepting does not block for that.
TEST_F(ListenerTest, DoesNotBlockOnASocketThatBlocks) {
    start();
    ::fcntl(listener_socket().get(), F_SETFL, 0);
    const Fd one = client();
    ASSERT_TRUE(run_until_delivered(1));
}

// A listener can be given to another state of its port, and serves that from then on.
TEST_F(ListenerTest, ServesTheStateItIsGiven) {
    start();
    test::FakeDelivery other_delivery;
    PortState other{.row_number = 8,
                    .row = &board_->ports[8],
                    .delivery = &other_delivery,
                    .starved = &starved_,
                    .admission = std::make_unique<Admission>(delivery::AdmissionPlan{})};
    listener_->set_port(other);
    const Fd one = client();
    ASSERT_TRUE(test::run_until(io_, [&] { return other_delivery.delivered.size() == 1; }));
    EXPECT_EQ(other_delivery.delivered[0].port_row, 8u);
    EXPECT_TRUE(delivery_.delivered.empty());
}

// A listener that goes away while it waits or pauses is silent from then on.
TEST_F(ListenerTest, DestroyedListenerIsSilent) {
    start();
    const Fd one = client();
    listener_.reset();
    test::run_ready(io_);
    EXPECT_TRUE(delivery_.delivered.empty());
}

// Even when the end of its pause and the event that destroys it come in the same turn of the loop.
TEST_F(ListenerTest, DestroyedListenerIsSilentWhenItsPauseIsJustOver) {
    const Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    Readable destroyer(io_, event.get(), [this] { listener_.reset(); });
    destroyer.wait();
    start({.max_connections = 1, .over_limit = "wait"});
    const auto waiting = clients(2);
    ASSERT_TRUE(run_until_delivered(1));
    const unsigned questions = delivery_.questions;
    const std::uint64_t paused = monotonic_milliseconds();
    ASSERT_TRUE(test::eventually([&] { return monotonic_milliseconds() > paused + 10; }));
    ::eventfd_write(event.get(), 1);
    ASSERT_TRUE(test::run_until(io_, [&] { return !listener_; }));
    test::run_ready(io_);
    EXPECT_EQ(delivery_.questions, questions);
}

}  // namespace portier::desk
