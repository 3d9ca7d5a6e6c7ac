#include "net/splice.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "support/tcp.hpp"

namespace portier::net {

namespace {

constexpr std::size_t kCapacity = 256 * 1024;

}  // namespace

TEST(Splice, MovesBytesFromSocketToSocket) {
    const Fd listener = test::listen_somewhere();
    const test::Pair from = test::make_pair(listener), to = test::make_pair(listener);
    const auto pipe = make_pipe(kCapacity, 4096);
    ASSERT_TRUE(pipe);
    EXPECT_GE(pipe->capacity, 4096u);
    test::send_all(from.client, "all of this");
    ASSERT_EQ(splice_from(from.accepted.get(), *pipe), 11);
    ASSERT_EQ(splice_to(*pipe, to.accepted.get(), 11), 11);
    EXPECT_EQ(test::receive_exactly(to.client, 11), "all of this");
}

// As read(2) and write(2) tell it, which the relay depends on.
TEST(Splice, TellsNothingThereAndTheEndAndAReset) {
    const Fd listener = test::listen_somewhere();
    const auto pipe = make_pipe(kCapacity, 4096);
    ASSERT_TRUE(pipe);
    test::Pair quiet = test::make_pair(listener);
    ::fcntl(quiet.accepted.get(), F_SETFL, O_NONBLOCK);
    EXPECT_EQ(splice_from(quiet.accepted.get(), *pipe), -1);
    EXPECT_EQ(errno, EAGAIN);
    quiet.client.reset();
    EXPECT_EQ(splice_from(quiet.accepted.get(), *pipe), 0);
    test::Pair broken = test::make_pair(listener);
    test::send_all(broken.client, "before");
    test::reset(broken.client);
    EXPECT_EQ(splice_from(broken.accepted.get(), *pipe), 6) << "what came before the reset is there";
    EXPECT_EQ(splice_from(broken.accepted.get(), *pipe), -1);
    EXPECT_EQ(errno, ECONNRESET);
}

TEST(Splice, ASmallPipeIsNoPipe) {
    EXPECT_FALSE(make_pipe(4096, kCapacity));
}

}  // namespace portier::net
