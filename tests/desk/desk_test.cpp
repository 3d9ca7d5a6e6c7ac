#include "desk/desk.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "desk/fake_process.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::desk {

namespace {

using test::FakeProcess;

constexpr std::uint32_t kRow = 4;         // of the port
constexpr std::uint32_t kListener = 100;  // descriptor numbers
constexpr std::uint32_t kCredit = 8;

// A street with one port, and the processes that may serve it.
class DeskTest : public testing::Test {
protected:
    DeskTest() {
        plan_.handlers = {handler("veg", {1})};
        plan_.ports = {{.key = "street", .row = kRow, .protocol = "tcp", .handler = 0, .listeners = {kListener}}};
        ::fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
        descriptors_.add(kListener, Fd(::fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0)));
    }

    // Process n of the plan has row n and the channel with the number n.
    static delivery::HandlerPlan handler(const std::string& name, const std::vector<std::uint32_t>& processes) {
        delivery::HandlerPlan plan{.name = name, .row = 9, .delivery = "handoff", .balance = "round-robin"};
        for (const std::uint32_t number : processes) plan.processes.push_back({number, number, number});
        return plan;
    }

    void offer(FakeProcess& process, std::uint32_t number) {
        descriptors_.add(number, process.take_routers_end());
        process.say_credit(kCredit);
    }

    void apply() {
        desk_.apply(plan_, descriptors_);
        descriptors_.clear();
    }

    // Until the desk has heard how much the process can hold.
    bool run_until_ready(std::uint32_t number) {
        return test::run_until(io_, [&] { return board_->processes[number].credit.get() == kCredit; });
    }

    bool run_until_doors(FakeProcess& process, std::size_t count) {
        return test::run_until(io_, [&] {
            process.read();
            return process.doors.size() == count;
        });
    }

    Fd client() const { return test::connect_to(test::port_of(listener_)); }
    std::uint64_t rejected(metrics::Rejected reason) const {
        return board_->ports[kRow].rejected[static_cast<std::size_t>(reason)].get();
    }

    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    boost::asio::io_context io_{1};
    std::vector<std::uint32_t> demanded_;
    Fd listener_ = test::listen_somewhere();  // the keeper's
    delivery::Plan plan_;
    delivery::Descriptors descriptors_;
    FakeProcess veg_, nonveg_;
    Desk desk_{io_, *board_, [this](std::uint32_t row) { demanded_.push_back(row); }};
};

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

// What the next plan keeps is untouched: same listener, same process, and nobody who waits is lost.
TEST_F(DeskTest, ApplyKeepsListeners) {
    offer(veg_, 1);
    apply();
    ASSERT_TRUE(run_until_ready(1));
    const std::uint64_t inode = net::socket_inode(listener_.get());
    std::vector<Fd> clients;
    for (std::size_t count = 1; count <= 5; ++count) {
        clients.push_back(client());
        apply();  // offers nothing
        ASSERT_TRUE(run_until_doors(veg_, count));
        veg_.say_taken();
    }
    EXPECT_FALSE(veg_.drained);
    EXPECT_FALSE(veg_.gone);
    EXPECT_EQ(net::socket_inode(listener_.get()), inode);
}

// A port that is removed first delivers who waits there, even to a handler that goes with it.
TEST_F(DeskTest, RemovedListenerDeliversWhoWaits) {
    offer(veg_, 1);
    apply();
    ASSERT_TRUE(run_until_ready(1));
    const Fd one = client(), two = client(), three = client();
    plan_ = {};
    apply();
    veg_.read();
    EXPECT_EQ(veg_.doors.size(), 3u);
    EXPECT_TRUE(veg_.drained);
    const Fd late = client();
    test::run_ready(io_);
    veg_.read();
    EXPECT_EQ(veg_.doors.size(), 3u) << "the port is no longer served";
}

// Of a range one listener can go while the others stay.
TEST_F(DeskTest, OneListenerOfAPortIsRemoved) {
    const Fd second = test::listen_somewhere();
    ::fcntl(second.get(), F_SETFL, O_NONBLOCK);
    descriptors_.add(kListener + 1, Fd(::fcntl(second.get(), F_DUPFD_CLOEXEC, 0)));
    plan_.ports[0].listeners.push_back(kListener + 1);
    offer(veg_, 1);
    apply();
    const Fd one = test::connect_to(test::port_of(second));
    ASSERT_TRUE(run_until_doors(veg_, 1));
    plan_.ports[0].listeners.pop_back();
    apply();
    const Fd nobody = test::connect_to(test::port_of(second)), two = client();
    ASSERT_TRUE(run_until_doors(veg_, 2));
    EXPECT_EQ(veg_.doors[1].remote, net::local_endpoint(two.get()));
}

// A port that gets another handler brings the next client there; the old handler stays if the plan has it.
TEST_F(DeskTest, HandlerChanges) {
    plan_.handlers.push_back(handler("nonveg", {2}));
    offer(veg_, 1);
    offer(nonveg_, 2);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    plan_.ports[0].handler = 1;
    apply();
    const Fd two = client();
    ASSERT_TRUE(run_until_doors(nonveg_, 1));
    veg_.read();
    EXPECT_EQ(veg_.doors.size(), 1u);
    EXPECT_FALSE(veg_.drained);
}

// A handler that leaves keeps its channel until all is taken, and is let go by the next plan after that.
TEST_F(DeskTest, RemovedHandlerIsKeptUntilAllIsTaken) {
    plan_.handlers.push_back(handler("nonveg", {2}));
    offer(veg_, 1);
    offer(nonveg_, 2);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    plan_.handlers.erase(plan_.handlers.begin());
    apply();
    veg_.read();
    EXPECT_TRUE(veg_.drained);
    apply();
    veg_.read();
    EXPECT_FALSE(veg_.gone) << "one door is not taken";
    veg_.say_taken();
    ASSERT_TRUE(test::run_until(io_, [&] { return board_->processes[1].taken.get() == 1; }));
    apply();
    veg_.read();
    EXPECT_TRUE(veg_.gone);
}

// A handler that comes back and leaves once more does not push out its predecessor of that name.
TEST_F(DeskTest, HandlerThatLeavesTwiceIsKeptTwice) {
    FakeProcess again;
    offer(veg_, 1);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    const delivery::Plan before = plan_;
    plan_ = {};
    apply();
    plan_ = before;
    plan_.handlers = {handler("veg", {2})};
    descriptors_.add(kListener, Fd(::fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0)));
    offer(again, 2);
    apply();
    const Fd two = client();
    ASSERT_TRUE(run_until_doors(again, 1));
    plan_ = {};
    apply();
    veg_.read();
    again.read();
    EXPECT_TRUE(again.drained);
    EXPECT_FALSE(veg_.gone) << "one door is not taken";
    EXPECT_FALSE(again.gone) << "one door is not taken";
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

// New limits of a port are in force with the plan that brings them.
TEST_F(DeskTest, ApplyChangesLimits) {
    offer(veg_, 1);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    plan_.ports[0].admission.deny = {{"127.0.0.1", 32}};
    apply();
    const Fd two = client();
    EXPECT_TRUE(test::run_until(io_, [&] { return rejected(metrics::Rejected::denied) == 1; }));
}

// Stopping delivers who waits, accepts nobody after that, and is done when everything is in the process's hands.
TEST_F(DeskTest, StopIsDoneWhenAllIsTaken) {
    offer(veg_, 1);
    apply();
    ASSERT_TRUE(run_until_ready(1));
    const Fd one = client(), two = client();
    bool done = false;
    desk_.stop([&] { done = true; });
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
    desk_.stop([&] { done = true; });
    EXPECT_TRUE(done);
    offer(veg_, 1);
    apply();
    done = false;
    desk_.stop([&] { done = true; });
    EXPECT_TRUE(done);
    veg_.read();
    EXPECT_TRUE(veg_.drained);
}

}  // namespace portier::desk
