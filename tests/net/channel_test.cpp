#include "net/channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

namespace portier::net {

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

// Different descriptors can be told apart by the file behind them.
Fd open_something() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::close(ends[0]);
    return Fd(ends[1]);
}

ino_t inode(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

bool closes_on_exec(int fd) {
    return ::fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

class ChannelTest : public testing::Test {
protected:
    std::string receive(Received* received = nullptr) {
        Received result = receive_message(pair_.far.get(), buffer_);
        const std::string text(reinterpret_cast<const char*>(buffer_.data()), result.size);
        if (received) *received = std::move(result);
        return text;
    }
    std::error_code send(const std::string& text, std::span<const int> descriptors = {}) {
        return send_message(pair_.near.get(), bytes_of(text), descriptors);
    }

    ChannelPair pair_ = make_channel();
    std::vector<std::byte> buffer_ = std::vector<std::byte>(kMaxMessage);
};

}  // namespace

// Our end never blocks, the other one is as a new program expects it; neither survives exec by accident.
TEST_F(ChannelTest, HasTheRightEnds) {
    EXPECT_TRUE(closes_on_exec(pair_.near.get()));
    EXPECT_TRUE(closes_on_exec(pair_.far.get()));
    EXPECT_TRUE(::fcntl(pair_.near.get(), F_GETFL) & O_NONBLOCK);
    EXPECT_FALSE(::fcntl(pair_.far.get(), F_GETFL) & O_NONBLOCK);
    int type = 0;
    socklen_t length = sizeof type;
    ::getsockopt(pair_.near.get(), SOL_SOCKET, SO_TYPE, &type, &length);
    EXPECT_EQ(type, SOCK_SEQPACKET);
}

// Messages arrive whole and in order.
TEST_F(ChannelTest, KeepsMessages) {
    const std::string longest(kMaxMessage, 'x');
    for (const std::string& text : {std::string("first"), std::string("second"), longest}) ASSERT_FALSE(send(text));
    EXPECT_EQ(receive(), "first");
    EXPECT_EQ(receive(), "second");
    EXPECT_EQ(receive(), longest);
    EXPECT_EQ(receive_message(pair_.far.get(), buffer_).error, std::errc::resource_unavailable_try_again);
}

// From none to 64 descriptors arrive in order, close-on-exec, and the sender keeps its own.
TEST_F(ChannelTest, PassesDescriptors) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{2}, kMaxDescriptors}) {
        std::vector<Fd> ours;
        std::vector<int> numbers;
        for (std::size_t i = 0; i < count; ++i) numbers.push_back(ours.emplace_back(open_something()).get());
        ASSERT_FALSE(send("here", numbers));
        Received received;
        EXPECT_EQ(receive(&received), "here");
        EXPECT_FALSE(received.descriptors_lost);
        ASSERT_EQ(received.descriptors.size(), count);
        for (std::size_t i = 0; i < count; ++i) {
            EXPECT_EQ(inode(received.descriptors[i].get()), inode(numbers[i]));
            EXPECT_NE(received.descriptors[i].get(), numbers[i]);
            EXPECT_TRUE(closes_on_exec(received.descriptors[i].get()));
        }
    }
}

// A message that does not fit the buffer is an error, not half a message; its descriptors are closed, the next one
// comes.
TEST_F(ChannelTest, SaysWhenAMessageIsCutOff) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    Fd read_end(ends[0]), write_end(ends[1]);
    const int number = write_end.get();
    ASSERT_FALSE(send("longer than five", std::span(&number, 1)));
    ASSERT_FALSE(send("next"));
    write_end.reset();
    {
        const Received received = receive_message(pair_.far.get(), std::span(buffer_).first(5));
        EXPECT_EQ(received.error, std::errc::bad_message);
        EXPECT_EQ(received.size, 5u);
    }
    char byte;
    EXPECT_EQ(::read(read_end.get(), &byte, 1), 0) << "a descriptor of the message is still open";
    EXPECT_EQ(receive(), "next");
}

// A receiver at its own descriptor limit is told that it has lost some.
TEST_F(ChannelTest, SaysWhenDescriptorsAreLost) {
    const Fd one = open_something();
    const std::vector<int> numbers(8, one.get());
    ASSERT_FALSE(send("eight", numbers));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    Received received;
    {
        const Fd lowest(::fcntl(one.get(), F_DUPFD_CLOEXEC, 0));
        const rlimit low{static_cast<rlim_t>(lowest.get()) + 4, before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    }
    EXPECT_EQ(receive(&received), "eight");
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(received.descriptors_lost);
    EXPECT_LT(received.descriptors.size(), 8u);
    EXPECT_GT(received.descriptors.size(), 0u);
}

// A look at a message leaves it where it is, and lets none of its descriptors in.
TEST_F(ChannelTest, PeeksWithoutTaking) {
    const int on = 1;
    ASSERT_EQ(::setsockopt(pair_.far.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    const Fd one = open_something();
    const int number = one.get();
    ASSERT_FALSE(send("with", std::span(&number, 1)));
    ASSERT_FALSE(send("without"));
    for (int look = 0; look < 2; ++look) {
        const Received peeked = peek_message(pair_.far.get(), buffer_);
        EXPECT_FALSE(peeked.error);
        EXPECT_EQ(peeked.size, 4u);
        ASSERT_TRUE(peeked.sender);
        EXPECT_EQ(peeked.sender->pid, ::getpid());
        EXPECT_TRUE(peeked.descriptors_lost);
        EXPECT_TRUE(peeked.descriptors.empty());
    }
    Received received;
    EXPECT_EQ(receive(&received), "with");
    EXPECT_EQ(received.descriptors.size(), 1u);
    EXPECT_FALSE(peek_message(pair_.far.get(), buffer_).descriptors_lost);
    EXPECT_EQ(receive(), "without");
    EXPECT_EQ(peek_message(pair_.far.get(), buffer_).error, std::errc::resource_unavailable_try_again);
}

// As many descriptors as the kernel lets through, which are more than ours, are received: none is closed on the way.
TEST_F(ChannelTest, ReceivesWhateverTheKernelLetsThrough) {
    const Fd one = open_something();
    const std::vector<int> numbers(kMostDescriptors, one.get());
    ASSERT_FALSE(send("x", numbers));
    Received received;
    EXPECT_EQ(receive(&received), "x");
    EXPECT_EQ(received.descriptors.size(), kMostDescriptors);
    EXPECT_FALSE(received.descriptors_lost);
}

// A full queue refuses the whole message at once, and what was accepted arrives complete.
TEST_F(ChannelTest, RefusesWhenTheQueueIsFull) {
    const std::string text(1000, 'q');
    std::size_t sent = 0;
    std::error_code error;
    while (!(error = send(text))) ++sent;
    EXPECT_EQ(error, std::errc::resource_unavailable_try_again);
    std::size_t arrived = 0;
    for (; !receive_message(pair_.far.get(), buffer_).error; ++arrived) {
    }
    EXPECT_GT(sent, 0u);
    EXPECT_EQ(arrived, sent);
}

// Where it is asked for, the kernel's word comes with each message: who sent it.
TEST_F(ChannelTest, TellsTheSender) {
    ASSERT_FALSE(send("x"));
    std::array<std::byte, 16> buffer;
    EXPECT_FALSE(receive_message(pair_.far.get(), buffer).sender);
    const int on = 1;
    ASSERT_EQ(::setsockopt(pair_.far.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    ASSERT_FALSE(send("x"));
    const Received received = receive_message(pair_.far.get(), buffer);
    ASSERT_TRUE(received.sender);
    EXPECT_EQ(received.sender->pid, ::getpid());
    EXPECT_EQ(received.sender->user, ::geteuid());
}

// When the other end is gone both directions say so, without a signal; what was sent before is still read first.
TEST_F(ChannelTest, NoticesTheOtherEndsEnd) {
    ASSERT_FALSE(send("last words"));
    pair_.near.reset();
    EXPECT_EQ(receive(), "last words");
    EXPECT_EQ(receive_message(pair_.far.get(), buffer_).error, std::errc::broken_pipe);
    EXPECT_EQ(send_message(pair_.far.get(), bytes_of("hello?")), std::errc::broken_pipe);
}

// A message without a byte is a message, if a bad one: neither it nor what follows is taken for the end.
TEST_F(ChannelTest, AnEmptyMessageIsNotTheEnd) {
    const auto receive_near = [this] { return receive_message(pair_.near.get(), buffer_); };
    for (const char* text : {"", "", "word", ""})
        ASSERT_EQ(::send(pair_.far.get(), text, std::strlen(text), 0), static_cast<ssize_t>(std::strlen(text)));
    EXPECT_EQ(receive_near().error, std::errc::bad_message);
    pair_.far.reset();
    EXPECT_EQ(receive_near().error, std::errc::bad_message) << "more can be read";
    EXPECT_EQ(receive_near().size, 4u);
    EXPECT_EQ(receive_near().error, std::errc::broken_pipe);
}

// Where the kernel can refuse it, nobody sends us descriptors that we would have to close.
TEST_F(ChannelTest, TakesDescriptorsInOneDirectionOnly) {
    const int passed = STDERR_FILENO;
    const std::error_code refused = send_message(pair_.far.get(), bytes_of("x"), std::span(&passed, 1));
    EXPECT_TRUE(!refused || refused == std::errc::operation_not_permitted) << "from Linux 6.16 on it is refused";
    EXPECT_FALSE(send("x", std::span(&passed, 1)));
}

}  // namespace portier::net
