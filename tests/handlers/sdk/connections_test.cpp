// Connections: ownership, interest, and removal from epoll while somebody else holds a copy of the socket.
#include "sdk/connections.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace portier::sdk {
namespace {

class ConnectionsTest : public testing::Test {
protected:
    // Returns the number of the added end; the other end is in far_.
    int add() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
        far_.reset(ends[1]);
        connections_.add(Fd(ends[0]));
        return ends[0];
    }

    Loop loop_;
    Connections connections_{loop_};
    Fd far_;
};

TEST_F(ConnectionsTest, ReportsWhatItWaitsFor) {
    const int fd = add();
    connections_.watch(fd);
    EXPECT_TRUE(loop_.wait(0).empty());
    connections_.wait_for(fd, EPOLLOUT);
    ASSERT_EQ(loop_.wait(0).size(), 1u);
    connections_.wait_for(fd, EPOLLIN);
    EXPECT_TRUE(loop_.wait(0).empty());
    ASSERT_EQ(::send(far_.get(), "x", 1, 0), 1);
    ASSERT_EQ(loop_.wait(0).size(), 1u);
    EXPECT_EQ(loop_.wait(0).front().data.fd, fd);
}

TEST_F(ConnectionsTest, WhatWasSaidBeforeWatchCounts) {
    const int fd = add();
    connections_.wait_for(fd, EPOLLOUT);
    EXPECT_TRUE(loop_.wait(0).empty());
    connections_.watch(fd);
    EXPECT_EQ(loop_.wait(0).size(), 1u);
}

TEST_F(ConnectionsTest, ClosedItIsSilentEvenWhileACopyLives) {
    const int fd = add();
    connections_.watch(fd);
    const Fd copy(::dup(fd));  // as portier's, until it has read "taken"
    connections_.close(fd);
    ASSERT_EQ(::send(far_.get(), "x", 1, 0), 1);
    EXPECT_TRUE(loop_.wait(0).empty());
    EXPECT_FALSE(connections_.has(fd));
}

TEST_F(ConnectionsTest, CountsAndWalks) {
    const int first = add();
    const Fd first_far = std::move(far_);
    const int second = add();
    EXPECT_EQ(connections_.count(), 2u);
    connections_.close(first);
    EXPECT_EQ(connections_.take_closed(), 1u);
    EXPECT_EQ(connections_.take_closed(), 0u);
    int seen = -1;
    connections_.for_each([&](int fd) {
        seen = fd;
        connections_.close(fd);
    });
    EXPECT_EQ(seen, second);
    EXPECT_EQ(connections_.count(), 0u);
    EXPECT_FALSE(connections_.has(100'000));
}

}  // namespace
}  // namespace portier::sdk
