// An outbox keeps the order, sends what it can and notices a broken connection.
#include "sdk/outbox.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "base/fd.hpp"

namespace portier::sdk {
namespace {

using Result = Outbox::Result;

class OutboxTest : public testing::Test {
protected:
    void SetUp() override {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
        near_.reset(ends[0]);
        far_.reset(ends[1]);
    }

    std::string read() {
        std::string text(1 << 20, '\0');
        const ssize_t size = ::recv(far_.get(), text.data(), text.size(), 0);
        text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return text;
    }

    Fd near_, far_;
    Outbox outbox_;
};

TEST_F(OutboxTest, SendsAtOnceWhatFits) {
    EXPECT_EQ(outbox_.send(near_.get(), "hello"), Result::sent);
    EXPECT_TRUE(outbox_.empty());
    EXPECT_EQ(read(), "hello");
    EXPECT_EQ(outbox_.send(near_.get(), ""), Result::sent);
    EXPECT_EQ(outbox_.flush(near_.get()), Result::sent);
}

TEST_F(OutboxTest, KeepsTheOrderWhileTheReaderIsSlow) {
    std::string said, heard;
    for (int i = 0; outbox_.size() < 100'000; ++i) {
        const std::string line = std::to_string(i) + "\n";
        outbox_.send(near_.get(), line);
        said += line;
    }
    Result result = Result::waiting;
    while (result == Result::waiting) {
        heard += read();
        result = outbox_.flush(near_.get());
    }
    EXPECT_EQ(result, Result::sent);
    for (std::string more = read(); !more.empty(); more = read()) heard += more;
    EXPECT_EQ(heard, said);
}

TEST_F(OutboxTest, CutLeavesWholeLines) {
    while (outbox_.size() < 100'000) {
        outbox_.send(near_.get(), "a line of this length\n");
    }
    outbox_.cut();
    EXPECT_LT(outbox_.size(), 23u);
    outbox_.send(near_.get(), "last\n");
    std::string heard = read();
    while (outbox_.flush(near_.get()) == Result::waiting) heard += read();
    for (std::string more = read(); !more.empty(); more = read()) heard += more;
    EXPECT_TRUE(heard.ends_with("a line of this length\nlast\n"));
    EXPECT_EQ((heard.size() - 5) % 22, 0u);
}

TEST_F(OutboxTest, NoticesABrokenConnection) {
    far_.reset();
    EXPECT_EQ(outbox_.send(near_.get(), "hello"), Result::broken);
}

}  // namespace
}  // namespace portier::sdk
