#include "base/alarm.hpp"

#include <gtest/gtest.h>

#include "support/wait.hpp"

namespace portier {

namespace {

using std::chrono::milliseconds;

class AlarmTest : public testing::Test {
protected:
    bool run_until_calls(int count) {
        return test::run_until(io_, [&] { return calls_ >= count; });
    }

    boost::asio::io_context io_{1};
    int calls_ = 0;
};

}  // namespace

// It calls once, and may be set again by its own action.
TEST_F(AlarmTest, CallsOnceEachTimeItIsSet) {
    Alarm alarm(io_);
    alarm.set(milliseconds(1), [&] {
        ++calls_;
        alarm.set(milliseconds(1), [&] { ++calls_; });
    });
    ASSERT_TRUE(run_until_calls(2));
    io_.restart();
    io_.run();  // nothing is left to wait for
    EXPECT_EQ(calls_, 2);
}

// Setting again takes the place of what was set.
TEST_F(AlarmTest, IsReplaced) {
    Alarm alarm(io_);
    alarm.set(milliseconds(0), [&] { calls_ += 100; });
    alarm.set(milliseconds(1), [&] { ++calls_; });
    io_.run();
    EXPECT_EQ(calls_, 1);
}

// Two that expire together: the first to run can still call the second off, or replace it, or destroy it. With Asio's
// own timer it is too late for that.
TEST_F(AlarmTest, CanBeCalledOffAfterItExpired) {
    auto second = std::make_unique<Alarm>(io_);
    for (const auto& call_off : {std::function<void()>([&] { second->cancel(); }),
                                 std::function<void()>([&] { second->set(milliseconds(0), [] {}); }),
                                 std::function<void()>([&] { second.reset(); })}) {
        Alarm first(io_);
        bool called_off = false;
        first.set(milliseconds(0), [&] {
            call_off();
            called_off = true;
        });
        second->set(milliseconds(0), [&] { ++calls_; });
        io_.restart();
        io_.run();
        EXPECT_TRUE(called_off);
        EXPECT_EQ(calls_, 0);
    }
}

// The action may destroy the object that runs it.
TEST_F(AlarmTest, ActionMayDestroyTheObject) {
    auto alarm = std::make_unique<Alarm>(io_);
    alarm->set(milliseconds(0), [&] {
        alarm.reset();
        ++calls_;
    });
    io_.run();
    EXPECT_EQ(calls_, 1);
}

}  // namespace portier
