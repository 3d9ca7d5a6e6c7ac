#include "net/stream_channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "support/tcp.hpp"

namespace portier::net {

namespace {

class StreamChannelTest : public testing::Test {
protected:
    Received receive(std::string* text = nullptr) {
        Received received = receive_message(pair_.far.get(), buffer_);
        if (text) text->assign(reinterpret_cast<const char*>(buffer_.data()), received.size);
        return received;
    }

    ChannelPair pair_ = make_stream_channel();
    std::array<std::byte, 65536> buffer_;
    Fd something_ = test::listen_somewhere();
};

}  // namespace

// A stream of which only our end is non-blocking, and which no child inherits by accident.
TEST_F(StreamChannelTest, MakesAPair) {
    int type = 0;
    socklen_t size = sizeof type;
    ASSERT_EQ(::getsockopt(pair_.far.get(), SOL_SOCKET, SO_TYPE, &type, &size), 0);
    EXPECT_EQ(type, SOCK_STREAM);
    EXPECT_TRUE(::fcntl(pair_.near.get(), F_GETFL) & O_NONBLOCK);
    EXPECT_FALSE(::fcntl(pair_.far.get(), F_GETFL) & O_NONBLOCK);
    for (const Fd* end : {&pair_.near, &pair_.far}) EXPECT_TRUE(::fcntl(end->get(), F_GETFD) & FD_CLOEXEC);
}

// Each descriptor comes with its own bytes, however late it is read.
TEST_F(StreamChannelTest, DescriptorsKeepTheirPlace) {
    for (const char* text : {"one", "two"}) EXPECT_EQ(send_some(pair_.near.get(), text, something_.get()).size, 3u);
    EXPECT_EQ(send_some(pair_.near.get(), "three").size, 5u);
    std::string text;
    EXPECT_EQ(receive(&text).descriptors.size(), 1u);
    EXPECT_EQ(text, "one");
    EXPECT_EQ(receive(&text).descriptors.size(), 1u);
    EXPECT_EQ(text, "two");
    EXPECT_EQ(receive(&text).descriptors.size(), 0u);
    EXPECT_EQ(text, "three");
    EXPECT_EQ(receive().error, std::errc::resource_unavailable_try_again);
}

// With too little room a part is sent, with none nothing: then the descriptor did not go either.
TEST_F(StreamChannelTest, SendsWhatThereIsRoomFor) {
    const int smallest = 1;
    ::setsockopt(pair_.near.get(), SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
    const std::string long_text(50'000, 'x');
    const Moved part = send_some(pair_.near.get(), long_text, something_.get());
    EXPECT_FALSE(part.error);
    EXPECT_GT(part.size, 0u);
    EXPECT_LT(part.size, long_text.size());
    EXPECT_EQ(send_some(pair_.near.get(), "y", something_.get()).error, std::errc::resource_unavailable_try_again);
    std::size_t bytes = 0, descriptors = 0;
    for (;;) {
        const Received received = receive();
        if (received.error) break;
        bytes += received.size;
        descriptors += received.descriptors.size();
    }
    EXPECT_EQ(bytes, part.size);
    EXPECT_EQ(descriptors, 1u);
}

TEST_F(StreamChannelTest, Receives) {
    std::array<char, 4> buffer;
    EXPECT_EQ(receive_some(pair_.near.get(), buffer).error, std::errc::resource_unavailable_try_again);
    ASSERT_EQ(::send(pair_.far.get(), "hello", 5, 0), 5);
    EXPECT_EQ(receive_some(pair_.near.get(), buffer).size, 4u);
    EXPECT_EQ(receive_some(pair_.near.get(), buffer).size, 1u);
    EXPECT_FALSE(is_hung_up(pair_.near.get()));
    pair_.far.reset();
    EXPECT_TRUE(is_hung_up(pair_.near.get()));
    EXPECT_EQ(receive_some(pair_.near.get(), buffer).error, std::errc::broken_pipe);
    EXPECT_EQ(send_some(pair_.near.get(), "x").error, std::errc::broken_pipe);
}

// What somebody sends us beside the bytes is refused by the kernel, or dropped by it when we read.
TEST_F(StreamChannelTest, DescriptorsDoNotReachUs) {
    ChannelPair stray = make_stream_channel();
    send_some(pair_.far.get(), "x", stray.far.get());
    stray.far.reset();
    std::array<char, 4> buffer;
    receive_some(pair_.near.get(), buffer);
    EXPECT_TRUE(is_hung_up(stray.near.get())) << "nobody holds its other end";
}

// The kernel's measure tells how many messages of one size are unread; a closed end shows before its queue is emptied.
TEST_F(StreamChannelTest, CountsWhatIsUnread) {
    const std::size_t cost = queue_cost(2);
    ASSERT_GT(cost, 0u);
    for (std::size_t count = 0; count <= 64; ++count) {
        EXPECT_EQ(queued_bytes(pair_.near.get()), count * cost);
        ASSERT_EQ(send_some(pair_.near.get(), {"\0\0", 2}, something_.get()).size, 2u);
    }
    for (std::size_t count = 65; count > 0; --count) {
        EXPECT_EQ(queued_bytes(pair_.near.get()), count * cost);
        receive();
    }
    EXPECT_EQ(queued_bytes(pair_.near.get()), 0u);
    ASSERT_EQ(send_some(pair_.near.get(), {"\0\0", 2}).size, 2u);
    pair_.far.reset();
    EXPECT_EQ(queued_bytes(pair_.near.get()), 0u) << "nobody has read it, but nobody will";
    EXPECT_TRUE(is_hung_up(pair_.near.get()));
}

}  // namespace portier::net
