// Slots of a reload: candidates, and what makes two slots the same.
#include <system_error>

#include "keeper/slot_case.hpp"

namespace portier::keeper {

namespace {

class SlotCandidateTest : public SlotCase {};

}  // namespace

// Candidates of a reload.

// One that ends before it is ready is reported and not restarted.
TEST_F(SlotCandidateTest, CandidateThatEndsTooEarlyHasFailed) {
    config::Handler handler = shell_handler("veg", "exit 3");
    handler.ready = config::Ready::notify;
    const auto slot = make(handler);
    slot->start_candidate();
    ASSERT_TRUE(run_until([&] { return !failures_.empty(); }));
    EXPECT_EQ(failures_, std::vector<std::string>{"exit code 3"});
    io_.restart();
    io_.run();
    EXPECT_EQ(starts(), 1u);
    EXPECT_EQ(count_rows(ProcessState::waiting), 0u);
}

// One that cannot even be started says so at once.
TEST_F(SlotCandidateTest, CandidateThatCannotStartThrows) {
    const auto slot = make(missing_program());
    EXPECT_THROW(slot->start_candidate(), std::system_error);
    EXPECT_EQ(slot->process(), nullptr);
    EXPECT_EQ(rows_.take_process(), 2u) << "its row was given back and rests";
}

// After the commit it is restarted like any other, even before it was ready.
TEST_F(SlotCandidateTest, CommittedCandidateIsRestarted) {
    config::Handler handler = shell_handler("veg", "exit 3");
    handler.ready = config::Ready::notify;
    const auto slot = make(handler);
    slot->start_candidate();
    slot->commit();
    ASSERT_TRUE(run_until([&] { return restarts(Restarted::exit) >= 2; }));
    EXPECT_TRUE(failures_.empty());
}

// What is the same process.

// Only what the process would notice makes a difference.
TEST(SlotPlan, ComparesWhatAProcessWouldNotice) {
    const auto socket = std::make_shared<OpenSocket>(1, Fd());
    const SlotPlan plan{.handler = shell_handler("veg", kStays), .slot = 1, .sockets = {{socket, "7001/tcp"}}};
    const auto same = [&](auto change) {
        SlotPlan other = plan;
        change(other);
        return plan.same_process(other);
    };
    EXPECT_TRUE(same([](SlotPlan&) {}));
    EXPECT_TRUE(same([](SlotPlan& p) { p.handler.processes = 9; }));
    EXPECT_TRUE(same([](SlotPlan& p) { p.handler.balance = config::Balance::source_hash; }));
    EXPECT_TRUE(same([](SlotPlan& p) { p.handler.restart.max = milliseconds(5); }));
    EXPECT_TRUE(same([](SlotPlan& p) { p.handler.mark.line = 99; }));
    EXPECT_TRUE(same([](SlotPlan& p) { p.handler.connect.emplace_back().host = "db"; }));
    EXPECT_TRUE(same([](SlotPlan& p) { p.handler.health.interval = milliseconds(5); }));
    EXPECT_FALSE(same([](SlotPlan& p) { p.handler.command.push_back("x"); }));
    EXPECT_FALSE(same([](SlotPlan& p) { p.handler.env["A"] = "1"; }));
    EXPECT_FALSE(same([](SlotPlan& p) { p.handler.limits.open_files = 5; }));
    EXPECT_FALSE(same([](SlotPlan& p) { p.slot = 2; }));
    EXPECT_FALSE(same([](SlotPlan& p) { p.sockets[0].name = "veg"; }));
    EXPECT_FALSE(same([](SlotPlan& p) { p.sockets[0].socket = std::make_shared<OpenSocket>(1, Fd()); }));
    EXPECT_FALSE(same([](SlotPlan& p) { p.sockets.clear(); }));
}

}  // namespace portier::keeper
