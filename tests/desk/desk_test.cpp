#include "desk/desk.hpp"

#include "desk/desk_case.hpp"

namespace portier::desk {

namespace {

class DeskTest : public DeskCase {};

}  // namespace

// A plan in force brings a client to the process, as the socket that it connected to.
TEST_F(DeskTest, BringsAClientToTheProcess) {
    offer(veg_, 1);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    EXPECT_EQ(veg_.doors[0].remote, net::local_endpoint(one.get()));
    EXPECT_EQ(veg_.doors[0].local, net::local_endpoint(listener_.get()));
    test::send_all(veg_.doors[0].socket, "served");
    EXPECT_EQ(test::receive_exactly(one, 6), "served");

    metrics::Handover record{};
    ASSERT_TRUE(board_->handovers.pop(record));
    EXPECT_EQ(record.cookie, net::socket_cookie(veg_.doors[0].socket.get()));
    EXPECT_EQ(record.port, kRow);
    EXPECT_EQ(record.process, 1u);
}

// The keeper hears of a process that took itself out.
TEST_F(DeskTest, TellsOfABrokenProcess) {
    offer(veg_, 1);
    apply();
    ASSERT_TRUE(run_until_ready(1));
    veg_.say_nothing();
    EXPECT_TRUE(test::run_until(io_, [&] { return broken_ == std::vector<std::uint32_t>{1}; }));
}

// A client whom the handler has no process for stays with the kernel, and the keeper is asked for one, once.
TEST_F(DeskTest, AsksForAProcessOnDemand) {
    plan_.handlers = {handler("veg", {})};
    plan_.handlers[0].on_demand = true;
    apply();
    test::run_ready(io_);
    EXPECT_TRUE(demanded_.empty()) << "nobody waits";
    const Fd one = client(), two = client();
    ASSERT_TRUE(test::run_until(io_, [&] { return !demanded_.empty(); }));
    test::run_ready(io_);
    EXPECT_EQ(demanded_, std::vector<std::uint32_t>{9});

    plan_.handlers = {handler("veg", {1})};
    offer(veg_, 1);
    apply();
    EXPECT_TRUE(run_until_doors(veg_, 2));
}

// The end of a connection makes room for its source; an end of a port that is gone is nothing.
TEST_F(DeskTest, EndOfAConnectionCountsForItsSource) {
    plan_.ports[0].admission.max_connections_per_source = 1;
    offer(veg_, 1);
    apply();
    const Fd one = client(), two = client();
    ASSERT_TRUE(test::run_until(io_, [&] { return rejected(metrics::Rejected::source_limit) == 1; }));
    desk_.connection_ended(kRow + 1, test::kLoopback);
    desk_.connection_ended(kRow, test::kLoopback);
    const Fd three = client();
    ASSERT_TRUE(run_until_doors(veg_, 2));
    EXPECT_EQ(veg_.doors[1].remote, net::local_endpoint(three.get()));
}

// Stopping delivers who waits, accepts nobody after that, and is done when everything is in the process's hands.
TEST_F(DeskTest, StopIsDoneWhenAllIsTaken) {
    offer(veg_, 1);
    apply();
    ASSERT_TRUE(run_until_ready(1));
    const Fd one = client(), two = client();
    bool done = false;
    desk_.stop(test::kDeadline, [&] { done = true; });
    veg_.read();
    EXPECT_EQ(veg_.doors.size(), 2u);
    EXPECT_TRUE(veg_.drained);
    const Fd late = client();
    test::run_ready(io_);
    EXPECT_FALSE(done);
    veg_.say_taken();
    ASSERT_TRUE(test::run_until(io_, [&] { return done; }));
    veg_.read();
    EXPECT_EQ(veg_.doors.size(), 2u);
    EXPECT_TRUE(test::is_readable(listener_)) << "the late client waits with the kernel";
}

// With nothing under way stopping is done at once, with or without a plan.
TEST_F(DeskTest, StopIsDoneAtOnceWhenIdle) {
    bool done = false;
    desk_.stop(test::kDeadline, [&] { done = true; });
    EXPECT_TRUE(done);
    offer(veg_, 1);
    apply();
    done = false;
    desk_.stop(test::kDeadline, [&] { done = true; });
    EXPECT_TRUE(done);
    veg_.read();
    EXPECT_TRUE(veg_.drained);
}

}  // namespace portier::desk
