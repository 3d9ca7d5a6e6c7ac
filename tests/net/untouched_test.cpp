#include "net/untouched.hpp"

#include <gtest/gtest.h>

#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::net {

namespace {

class UntouchedTest : public testing::Test {
protected:
    bool is_untouched_now() { return is_untouched(pair_.accepted.get(), 0); }
    void wait_for_bytes() {
        ASSERT_TRUE(test::eventually([&] { return test::is_readable(pair_.accepted); }));
    }

    Fd listener_ = test::listen_somewhere();
    test::Pair pair_ = test::make_pair(listener_);
};

}  // namespace

// Whatever the client does, nobody on our side has touched it.
TEST_F(UntouchedTest, TheClientMayDoWhatItLikes) {
    EXPECT_TRUE(is_untouched_now());
    test::send_all(pair_.client, std::string(10'000, 'x'));
    wait_for_bytes();
    EXPECT_TRUE(is_untouched_now());
    ::shutdown(pair_.client.get(), SHUT_WR);
    EXPECT_TRUE(test::eventually([&] { return is_untouched_now(); })) << "the FIN counts as a byte";
}

TEST_F(UntouchedTest, AFinAloneIsNothing) {
    ::shutdown(pair_.client.get(), SHUT_WR);
    wait_for_bytes();
    EXPECT_TRUE(is_untouched_now());
}

TEST_F(UntouchedTest, OneByteReadIsEnough) {
    test::send_all(pair_.client, "hello");
    EXPECT_EQ(test::receive_exactly(pair_.accepted, 1), "h");
    EXPECT_FALSE(is_untouched_now());
}

// What we have read ourselves, a PROXY header, is no use of it by others.
TEST_F(UntouchedTest, WhatWeHaveTakenDoesNotCount) {
    test::send_all(pair_.client, "header, then data");
    EXPECT_EQ(test::receive_exactly(pair_.accepted, 6), "header");
    EXPECT_TRUE(is_untouched(pair_.accepted.get(), 6));
    EXPECT_EQ(test::receive_exactly(pair_.accepted, 1), ",");
    EXPECT_FALSE(is_untouched(pair_.accepted.get(), 6));
}

TEST_F(UntouchedTest, OneByteWrittenIsEnough) {
    test::send_all(pair_.accepted, "h");
    EXPECT_FALSE(is_untouched_now());
}

TEST_F(UntouchedTest, ShutDownIsEnough) {
    ::shutdown(pair_.accepted.get(), SHUT_WR);
    EXPECT_FALSE(is_untouched_now());
}

// There is nothing left to serve.
TEST_F(UntouchedTest, AResetEndsIt) {
    test::reset(pair_.client);
    wait_for_bytes();
    EXPECT_FALSE(is_untouched_now());
}

TEST_F(UntouchedTest, WhatIsNotTcpCannotTell) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const Fd one(ends[0]), other(ends[1]);
    EXPECT_TRUE(is_untouched(one.get(), 0));
}

}  // namespace portier::net
