// The desk when a plan follows another one: what stays is untouched, what goes has delivered what waited.
#include "desk/desk_case.hpp"

namespace portier::desk {

namespace {

class DeskPlansTest : public DeskCase {};

}  // namespace

// What the next plan keeps is untouched: same listener, same process, and nobody who waits is lost.
TEST_F(DeskPlansTest, ApplyKeepsListeners) {
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
TEST_F(DeskPlansTest, RemovedListenerDeliversWhoWaits) {
    offer(veg_, 1);
    apply();
    ASSERT_TRUE(run_until_ready(1));
    const Fd one = client(), two = client(), three = client();
    plan_ = {};
    plan_.leaving = {1};
    apply();
    veg_.read();
    EXPECT_EQ(veg_.doors.size(), 3u);
    EXPECT_TRUE(veg_.drained);
    const Fd late = client();
    test::run_ready(io_);
    veg_.read();
    EXPECT_EQ(veg_.doors.size(), 3u) << "the port is no longer served";
}

// A listener that stays while its port gets another name (a range that is split or has grown) serves the new one.
TEST_F(DeskPlansTest, ListenerMovesToAnotherPort) {
    offer(veg_, 1);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    plan_.ports[0].key = "avenue";
    plan_.ports[0].row = kRow + 1;
    apply();
    const Fd two = client();
    ASSERT_TRUE(run_until_doors(veg_, 2));
    EXPECT_EQ(board_->ports[kRow].accepted.get(), 1u);
    EXPECT_EQ(board_->ports[kRow + 1].accepted.get(), 1u);
}

// A handler whose processes accept for themselves from now on leaves nothing behind of its first life.
TEST_F(DeskPlansTest, HandlerThatStartsToInheritIsRetired) {
    offer(veg_, 1);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    plan_.handlers[0].delivery = "inherit";
    plan_.handlers[0].processes = {};
    plan_.ports[0].listeners = {};
    plan_.leaving = {1};
    apply();
    veg_.read();
    EXPECT_TRUE(veg_.drained);
    veg_.say_taken();
    ASSERT_TRUE(test::run_until(io_, [&] { return board_->processes[1].taken.get() == 1; }));
    apply();
    veg_.read();
    EXPECT_TRUE(veg_.gone);
}

// Of a range one listener can go while the others stay.
TEST_F(DeskPlansTest, OneListenerOfAPortIsRemoved) {
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
TEST_F(DeskPlansTest, HandlerChanges) {
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
TEST_F(DeskPlansTest, RemovedHandlerIsKeptUntilAllIsTaken) {
    plan_.handlers.push_back(handler("nonveg", {2}));
    offer(veg_, 1);
    offer(nonveg_, 2);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    plan_.handlers.erase(plan_.handlers.begin());
    plan_.leaving = {1};
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
TEST_F(DeskPlansTest, HandlerThatLeavesTwiceIsKeptTwice) {
    FakeProcess again;
    offer(veg_, 1);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    const delivery::Plan before = plan_;
    plan_ = {};
    plan_.leaving = {1};
    apply();
    plan_ = before;
    plan_.leaving = {1};
    plan_.handlers = {handler("veg", {2})};
    descriptors_.add(kListener, Fd(::fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0)));
    offer(again, 2);
    apply();
    const Fd two = client();
    ASSERT_TRUE(run_until_doors(again, 1));
    plan_ = {};
    plan_.leaving = {1, 2};
    apply();
    veg_.read();
    again.read();
    EXPECT_TRUE(again.drained);
    EXPECT_FALSE(veg_.gone) << "one door is not taken";
    EXPECT_FALSE(again.gone) << "one door is not taken";
}

// New limits of a port are in force with the plan that brings them.
TEST_F(DeskPlansTest, ApplyChangesLimits) {
    offer(veg_, 1);
    apply();
    const Fd one = client();
    ASSERT_TRUE(run_until_doors(veg_, 1));
    plan_.ports[0].admission.deny = {{"127.0.0.1", 32}};
    apply();
    const Fd two = client();
    EXPECT_TRUE(test::run_until(io_, [&] { return rejected(metrics::Rejected::denied) == 1; }));
}

}  // namespace portier::desk
