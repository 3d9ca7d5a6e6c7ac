#include "base/readable.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <boost/asio/io_context.hpp>
#include <memory>

#include "base/fd.hpp"
#include "support/wait.hpp"

namespace portier {

namespace {

class ReadableTest : public testing::Test {
protected:
    void make_readable() const { ::eventfd_write(event_.get(), 1); }

    boost::asio::io_context io_{1};
    Fd event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    int calls_ = 0;
};

}  // namespace

// A descriptor may be shared with a program that expects it to block; looking at it does not change that.
TEST_F(ReadableTest, LeavesTheFlagsAsTheyAre) {
    const Fd blocking(::eventfd(1, EFD_CLOEXEC));
    for (const int fd : {blocking.get(), event_.get()}) {
        const int before = ::fcntl(fd, F_GETFL);
        Readable readable(io_, fd, [this] { ++calls_; });
        readable.wait();
        EXPECT_EQ(::fcntl(fd, F_GETFL), before);
    }
    Readable readable(io_, blocking.get(), [this] { ++calls_; });
    readable.wait();
    ASSERT_TRUE(test::run_until(io_, [&] { return calls_ == 1; }));
}

// One wait() makes one call, and what was already readable counts.
TEST_F(ReadableTest, CallsOncePerWait) {
    Readable readable(io_, event_.get(), [this] { ++calls_; });
    make_readable();
    test::run_ready(io_);
    EXPECT_EQ(calls_, 0) << "nobody has waited yet";

    readable.wait();
    readable.wait();  // twice is once
    ASSERT_TRUE(test::run_until(io_, [&] { return calls_ == 1; }));
    test::run_ready(io_);
    EXPECT_EQ(calls_, 1);

    readable.wait();  // nobody has read, so it is still readable
    EXPECT_TRUE(test::run_until(io_, [&] { return calls_ == 2; }));
}

// What becomes readable later is noticed, too.
TEST_F(ReadableTest, WaitsForWhatComesLater) {
    Readable readable(io_, event_.get(), [this] { ++calls_; });
    readable.wait();
    test::run_ready(io_);
    EXPECT_EQ(calls_, 0);
    make_readable();
    EXPECT_TRUE(test::run_until(io_, [&] { return calls_ == 1; }));
}

// Of two that are ready at once the first destroys the second and begins to watch something else, which may inherit
// what Asio had queued for the second.
TEST_F(ReadableTest, IsNotCalledForWhatAnotherHadWaitedFor) {
    const Fd quiet(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    std::unique_ptr<Readable> ready[2], newcomer;
    const auto on_ready = [&](int other) {
        ++calls_;
        ready[other].reset();
        newcomer = std::make_unique<Readable>(io_, quiet.get(), [&] { ADD_FAILURE() << "nothing is there"; });
        newcomer->wait();
    };
    make_readable();
    const Fd second(::dup(event_.get()));
    ready[0] = std::make_unique<Readable>(io_, event_.get(), [&] { on_ready(1); });
    ready[1] = std::make_unique<Readable>(io_, second.get(), [&] { on_ready(0); });
    for (const auto& one : ready) one->wait();
    test::run_ready(io_);
    EXPECT_EQ(calls_, 1);
    ::eventfd_write(quiet.get(), 1);
    bool called = false;
    newcomer.reset();
    newcomer = std::make_unique<Readable>(io_, quiet.get(), [&] { called = true; });
    newcomer->wait();
    EXPECT_TRUE(test::run_until(io_, [&] { return called; }));
}

// After stop() there is no call, even if the descriptor was readable before.
TEST_F(ReadableTest, StopIsFinal) {
    Readable readable(io_, event_.get(), [this] { ++calls_; });
    readable.wait();
    make_readable();
    readable.stop();
    readable.stop();
    readable.wait();
    test::run_ready(io_);
    EXPECT_EQ(calls_, 0);
}

// A destroyed object is not called, and the descriptor stays with its owner.
TEST_F(ReadableTest, DestroyedObjectIsSilentAndLeavesTheDescriptorOpen) {
    auto readable = std::make_unique<Readable>(io_, event_.get(), [this] { ++calls_; });
    readable->wait();
    make_readable();
    readable.reset();
    test::run_ready(io_);
    EXPECT_EQ(calls_, 0);
    EXPECT_GE(::fcntl(event_.get(), F_GETFD), 0);

    // The same number can be watched again, as after a reload.
    Readable next(io_, event_.get(), [this] { ++calls_; });
    next.wait();
    EXPECT_TRUE(test::run_until(io_, [&] { return calls_ == 1; }));
}

// The callback may destroy its own object.
TEST_F(ReadableTest, CallbackMayDestroyTheObject) {
    std::unique_ptr<Readable> readable;
    readable = std::make_unique<Readable>(io_, event_.get(), [&] {
        ++calls_;
        readable.reset();
    });
    readable->wait();
    make_readable();
    ASSERT_TRUE(test::run_until(io_, [&] { return calls_ == 1; }));
    EXPECT_EQ(readable, nullptr);
}

}  // namespace portier
