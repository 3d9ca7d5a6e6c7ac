#include "delivery/relay/stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "support/random.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::delivery {

namespace {

using Step = RelayStream::Step;
constexpr std::size_t kPlenty = std::size_t{1} << 40;

// writer -> source | stream | sink -> reader
class RelayStreamTest : public testing::Test {
protected:
    RelayStreamTest() {
        ::signal(SIGPIPE, SIG_IGN);
        const Fd listener = test::listen_somewhere();
        test::Pair in = test::make_pair(listener), out = test::make_pair(listener);
        writer_ = std::move(in.client);
        source_.socket = std::move(in.accepted);
        sink_.socket = std::move(out.accepted);
        reader_ = std::move(out.client);
        for (const Fd* fd : {&source_.socket, &sink_.socket, &writer_, &reader_})
            ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
        source_.readable = sink_.writable = true;
    }
    ~RelayStreamTest() override { stream_.release(supplies_); }

    Step move(std::size_t budget = kPlenty) { return stream_.move(source_, sink_, supplies_, budget); }

    // As epoll would say: everything may have changed.
    Step move_again() {
        source_.readable = sink_.writable = true;
        return move();
    }

    // All of `text`, by turns with the other end.
    std::string push(const std::string& text) {
        std::string got;
        std::size_t written = 0;
        const bool done = test::eventually([&] {
            const ssize_t size = ::send(writer_.get(), text.data() + written, text.size() - written, MSG_NOSIGNAL);
            if (size > 0) written += static_cast<std::size_t>(size);
            move_again();
            std::string buffer(1 << 20, '\0');
            const ssize_t read = ::recv(reader_.get(), buffer.data(), buffer.size(), 0);
            if (read > 0) got.append(buffer, 0, static_cast<std::size_t>(read));
            return got.size() == text.size();
        });
        EXPECT_TRUE(done);
        return got;
    }

    std::size_t held() const { return supplies_.buffers_out() + supplies_.pipes_out(); }

    Fd writer_, reader_;
    RelayEnd source_, sink_;
    RelaySupplies supplies_;
    RelayStream stream_;
};

}  // namespace

TEST_F(RelayStreamTest, CopiesWhatIsThereAndHoldsNothingAfterwards) {
    test::send_all(writer_, "hello");
    EXPECT_EQ(move(), Step::resting);
    EXPECT_EQ(test::receive_exactly(reader_, 5), "hello");
    EXPECT_FALSE(source_.readable) << "a short read has emptied it";
    EXPECT_EQ(stream_.read_bytes(), 5u);
    EXPECT_EQ(stream_.written_bytes(), 5u);
    EXPECT_EQ(held(), 0u);
}

TEST_F(RelayStreamTest, MuchAndLittleArriveInTheirOrder) {
    test::Random random;
    std::string text;
    for (int i = 0; i < 200; ++i) text.append(random.between(1, 100'000), static_cast<char>('a' + i % 26));
    EXPECT_EQ(push(text), text);
    EXPECT_EQ(push("and a little more"), "and a little more");
    EXPECT_EQ(held(), 0u);
}

// Who reads nothing stops the stream with one buffer or one pipe, and gets everything later.
TEST_F(RelayStreamTest, ABlockedSinkHoldsOneBufferOrPipe) {
    std::uint64_t written = 0;
    const std::string piece(1 << 20, 'x');
    const bool stuck = test::eventually([&] {
        const ssize_t size = ::send(writer_.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
        if (size > 0) written += static_cast<std::uint64_t>(size);
        source_.readable = true;
        move();
        return size < 0 && !sink_.writable;
    });
    ASSERT_TRUE(stuck);
    EXPECT_LE(held(), 1u);
    ::shutdown(writer_.get(), SHUT_WR);
    std::uint64_t got = 0;
    std::string buffer(1 << 20, '\0');
    EXPECT_TRUE(test::eventually([&] {
        const ssize_t size = ::recv(reader_.get(), buffer.data(), buffer.size(), 0);
        if (size > 0) got += static_cast<std::uint64_t>(size);
        return move_again() == Step::finished && got == written;
    }));
    EXPECT_EQ(held(), 0u);
}

TEST_F(RelayStreamTest, MovesToAPipeWhenReadsFillTheBuffer) {
    const std::string text(1 << 20, 'x');
    ASSERT_GT(::send(writer_.get(), text.data(), text.size(), MSG_NOSIGNAL), 0);
    sink_.writable = true;
    bool piped = false;
    for (int turn = 0; turn < 100 && !piped; ++turn) {
        source_.readable = true;
        if (move(1) == Step::resting && !sink_.writable) break;
        piped = supplies_.pipes_out() == 1;
    }
    EXPECT_TRUE(piped);
    EXPECT_EQ(supplies_.buffers_out(), 0u) << "what is not needed goes back";
}

TEST_F(RelayStreamTest, KeepsToItsBudget) {
    const std::string text(200'000, 'x');
    ASSERT_EQ(::send(writer_.get(), text.data(), text.size(), MSG_NOSIGNAL), 200'000);
    EXPECT_EQ(move(1), Step::again);
    EXPECT_EQ(stream_.read_bytes(), sizeof(RelaySupplies::Buffer));
}

TEST_F(RelayStreamTest, EndsAfterTheLastByte) {
    test::send_all(writer_, "the end");
    writer_.reset();
    source_.read_all = true;
    EXPECT_EQ(move(), Step::finished);
    EXPECT_TRUE(stream_.finished());
    EXPECT_EQ(source_.error, 0);
    EXPECT_EQ(test::receive_exactly(reader_, 7), "the end");
}

// What was sent before a reset is moved, then the error shows.
TEST_F(RelayStreamTest, AResetSourceIsReadToItsEnd) {
    test::send_all(writer_, "before the reset");
    test::reset(writer_);
    source_.read_all = true;
    EXPECT_EQ(move(), Step::finished);
    EXPECT_EQ(source_.error, ECONNRESET);
    EXPECT_EQ(test::receive_exactly(reader_, 16), "before the reset");
}

TEST_F(RelayStreamTest, AfterTheSinkHasFailedEverythingIsThrownAway) {
    test::reset(reader_);
    test::send_all(writer_, "for nobody");
    EXPECT_EQ(move(), Step::resting);
    EXPECT_EQ(sink_.error, ECONNRESET);
    test::send_all(writer_, "nor this");
    writer_.reset();
    EXPECT_EQ(move_again(), Step::resting);
    EXPECT_EQ(move_again(), Step::finished);
    EXPECT_EQ(stream_.read_bytes(), 18u);
    EXPECT_EQ(held(), 0u);
}

TEST_F(RelayStreamTest, BeginsWithWhatItIsGiven) {
    const std::string header = "PROXY something\r\n";
    stream_.begin_with(std::as_bytes(std::span(header)), supplies_);
    test::send_all(writer_, "and then data");
    EXPECT_EQ(move(), Step::resting);
    EXPECT_EQ(test::receive_exactly(reader_, 30), header + "and then data");
    EXPECT_EQ(stream_.read_bytes(), 13u);
}

}  // namespace portier::delivery
