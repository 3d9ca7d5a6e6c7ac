// The listener's answers to what accept(2) can say.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/clock.hpp"
#include "desk/accept_faults.hpp"
#include "desk/listener_case.hpp"

namespace portier::desk {

namespace {

using metrics::Rejected;

class ListenerFaultsTest : public test::ListenerCase {};

}  // namespace

// An error that belongs to one connection is counted as aborted, and the next one is accepted in the same turn.
TEST_F(ListenerFaultsTest, CountsAbortedConnections) {
    start();
    std::uint64_t count = 0;
    for (const int error : {ECONNABORTED, EPERM, EPROTO, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENOPROTOOPT,
                            ENONET, EOPNOTSUPP}) {
        test::fail_next_accept(error);
        const Fd next = client();
        ASSERT_TRUE(run_until_delivered(++count)) << error;
        EXPECT_EQ(rejected(Rejected::aborted), count) << error;
    }
    EXPECT_EQ(rejected(Rejected::error), 0u);
}

// A signal is no error.
TEST_F(ListenerFaultsTest, GoesOnAfterASignal) {
    start();
    test::fail_next_accept(EINTR);
    const Fd one = client();
    ASSERT_TRUE(run_until_delivered(1));
    EXPECT_EQ(rejected(Rejected::aborted) + rejected(Rejected::error), 0u);
}

// A lack of descriptors or memory, or an errno that nobody knows, pauses the port and then it goes on.
TEST_F(ListenerFaultsTest, PausesForALackOfAnything) {
    start();
    std::uint64_t count = 0;
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EIO}) {
        test::fail_next_accept(error);
        const Fd next = client();
        ASSERT_TRUE(run_until_rejected(Rejected::error, ++count)) << error;
        EXPECT_EQ(delivery_.delivered.size(), count - 1) << "no pause";
        listener_->resume();  // room elsewhere does not shorten the pause
        test::run_ready(io_);
        ASSERT_TRUE(run_until_delivered(count)) << error;
    }
}

// Out of descriptors, for real: the connection waits with the kernel, the port does not spin, and goes on afterwards.
TEST_F(ListenerFaultsTest, PausesWhileOutOfDescriptors) {
    const auto child = [this] {
        start();
        const Fd one = client();
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        Fd next_free(::dup(one.get()));
        const rlimit none{static_cast<rlim_t>(next_free.get()), limit.rlim_max};
        next_free.reset();
        ::setrlimit(RLIMIT_NOFILE, &none);
        const std::uint64_t begin = monotonic_milliseconds();
        if (!test::run_until(io_, [&] { return rejected(Rejected::error) >= 2; })) std::exit(1);
        if (rejected(Rejected::error) > 1 + (monotonic_milliseconds() - begin) / 100) std::exit(2);
        if (!delivery_.delivered.empty()) std::exit(3);
        ::setrlimit(RLIMIT_NOFILE, &limit);
        if (!run_until_delivered(1)) std::exit(4);
        std::exit(rejected(Rejected::aborted) == 0 ? 0 : 5);
    };
    EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
}

}  // namespace portier::desk
