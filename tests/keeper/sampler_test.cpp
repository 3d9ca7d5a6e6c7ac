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
    Sampler sampler_{io_, *board_, [this] {
                         return slot_.process() ? std::vector<const HandlerProcess*>{slot_.process()}
                                                : std::vector<const HandlerProcess*>{};
                     }};
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

// The board can be written by the router, whom nobody trusts: what lies there names no process, and hides none.
TEST_F(SamplerTest, TakesNothingFromTheBoard) {
    metrics::ProcessRow& other = row(rows_.take_process());
    for (metrics::ProcessRow* written : {&mine(), &other}) {
        written->pid.store(::getpid());
        written->state.store(static_cast<std::uint32_t>(metrics::ProcessState::ready));
    }
    const auto measured_its_own = [&] {  // while it still starts, its use changes
        sampler_.start();
        return mine().open_fds.get() == test::open_descriptors(slot_.process()->pid()).size();
    };
    EXPECT_TRUE(run_until(measured_its_own));
    EXPECT_NE(mine().open_fds.get(), test::open_descriptors(::getpid()).size());
    EXPECT_EQ(other.resident_bytes.get(), 0u);
    mine().state.store(77);
    board_->globals.process_rows.set(0);
    mine().open_fds.set(0);
    EXPECT_TRUE(run_until(measured_its_own));
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
