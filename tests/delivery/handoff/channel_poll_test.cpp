#include "delivery/handoff/channel_poll.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <boost/asio/io_context.hpp>
#include <map>

#include "support/wait.hpp"

namespace portier::delivery {

namespace {

// Eventfds stand for channels: a write makes one readable, the callback reads it.
class ChannelPollTest : public testing::Test {
protected:
    void SetUp() override {
        for (std::uint32_t number = 1; number <= 3; ++number) {
            channels_[number] = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
            poll_.add(number, channels_[number].get(), EPOLLIN);
        }
    }

    void say(std::uint32_t number) { ::eventfd_write(channels_[number].get(), 1); }

    void on_readable(std::uint32_t number) {
        eventfd_t value;
        ::eventfd_read(channels_[number].get(), &value);
        heard_[number] += value;
    }

    // Many messages in a row, until a look without the event loop finds one: then nobody waits to be woken.
    bool make_lazy() {
        return test::eventually([this] {
            for (int i = 0; i < 20; ++i) {
                say(1);
                test::run_ready(io_);
            }
            say(2);
            const std::uint64_t before = heard_[2];
            poll_.look_if_lazy();
            return heard_[2] > before;
        });
    }

    boost::asio::io_context io_{1};
    std::map<std::uint32_t, Fd> channels_;
    std::map<std::uint32_t, std::uint64_t> heard_;
    ChannelPoll poll_{io_, [this](std::uint32_t number) { on_readable(number); }};
};

}  // namespace

// A message wakes the desk, and it is told which channel has spoken.
TEST_F(ChannelPollTest, IsWokenByAMessage) {
    test::run_ready(io_);
    EXPECT_TRUE(heard_.empty());
    say(2);
    EXPECT_TRUE(test::run_until(io_, [&] { return heard_[2] == 1; }));
    EXPECT_EQ(heard_[1] + heard_[3], 0u);
}

// While messages are few, looking is left to the event loop.
TEST_F(ChannelPollTest, DoesNotLookWhileItIsWoken) {
    say(1);
    poll_.look_if_lazy();
    EXPECT_EQ(heard_[1], 0u);
}

// Under many messages it looks instead of being woken, and still hears every one of them.
TEST_F(ChannelPollTest, LooksUnderLoadAndLosesNothing) {
    ASSERT_TRUE(make_lazy());
    const auto before = heard_;
    for (std::uint32_t number = 1; number <= 3; ++number) say(number);
    EXPECT_TRUE(
        test::run_until(io_, [&] { return heard_[1] > before.at(1) && heard_[2] > before.at(2) && heard_[3] > 0; }));
}

// When a message matters it wakes again at once.
TEST_F(ChannelPollTest, CanBeMadeEager) {
    ASSERT_TRUE(make_lazy());
    poll_.be_eager();
    const std::uint64_t before = heard_[3];
    say(3);
    poll_.look_if_lazy();
    EXPECT_EQ(heard_[3], before);
    EXPECT_TRUE(test::run_until(io_, [&] { return heard_[3] == before + 1; }));
}

// When little is said it waits to be woken again, by itself.
TEST_F(ChannelPollTest, BecomesEagerInTheSilence) {
    ASSERT_TRUE(make_lazy());
    EXPECT_TRUE(test::run_until(io_, [&] {
        say(3);
        const std::uint64_t before = heard_[3];
        poll_.look_if_lazy();
        return heard_[3] == before;
    }));
}

// A removed channel is silent, though its descriptor stays open.
TEST_F(ChannelPollTest, ForgetsRemovedChannels) {
    poll_.remove(channels_[1].get());
    say(1);
    say(2);
    ASSERT_TRUE(test::run_until(io_, [&] { return heard_[2] == 1; }));
    EXPECT_EQ(heard_[1], 0u);
    poll_.add(1, channels_[1].get(), EPOLLIN);
    EXPECT_TRUE(test::run_until(io_, [&] { return heard_[1] == 1; }));
}

}  // namespace portier::delivery
