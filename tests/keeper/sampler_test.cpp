#include "keeper/sampler.hpp"

#include "keeper/stage.hpp"

namespace portier::keeper {

namespace {

class SamplerTest : public Stage {
protected:
    SamplerTest() { slot_.start(); }

    metrics::ProcessRow& mine() { return row(slot_.process()->row()); }

    Slot slot_{context(),
               SlotPlan{.handler = shell_handler("veg", kStays)},
               {.changed = [] {}, .failed = [](const ProcessEnd&) {}}};
    Sampler sampler_{io_, *board_};
};

}  // namespace

// What a process and the keeper itself use is on the board at once, and again from time to time.
TEST_F(SamplerTest, ReadsWhatProcessesUse) {
    // While it still starts, its use changes.
    ASSERT_TRUE(run_until([&] {
        sampler_.start();
        return mine().resident_bytes.get() > 10'000 &&
               mine().open_fds.get() == test::open_descriptors(slot_.process()->pid()).size();
    }));
    EXPECT_EQ(board_->globals.roles[0].pid.get(), static_cast<std::uint64_t>(::getpid()));
    EXPECT_GT(board_->globals.roles[0].resident_bytes.get(), 1'000'000u);
    mine().resident_bytes.set(0);
    EXPECT_TRUE(run_until([&] { return mine().resident_bytes.get() > 0; }));
}

// Rows without a process are not touched: a slot that waits for its next start has no pid.
TEST_F(SamplerTest, PassesOverRowsWithoutAProcess) {
    for (const auto state : {metrics::ProcessState::absent, metrics::ProcessState::waiting}) {
        metrics::ProcessRow& other = row(rows_.take_process());
        other.pid.store(::getpid());
        other.state.store(static_cast<std::uint32_t>(state));
        sampler_.start();
        EXPECT_EQ(other.resident_bytes.get(), 0u);
    }
}

// The board can be written by the router, whom nobody trusts: there are no more rows than there are.
TEST_F(SamplerTest, StaysOnTheBoard) {
    board_->globals.process_rows.set(std::uint64_t{1} << 40);
    mine().state.store(77);
    sampler_.start();
    EXPECT_EQ(mine().get_state(), metrics::ProcessState::absent);
}

// After stop() nothing is left to happen.
TEST_F(SamplerTest, Stops) {
    sampler_.start();
    sampler_.stop();
    slot_.release().reset();
    io_.restart();
    io_.run();
    SUCCEED();
}

}  // namespace portier::keeper
