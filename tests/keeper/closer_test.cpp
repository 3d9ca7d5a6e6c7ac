#include "keeper/closer.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>

#include "keeper/stage.hpp"
#include "net/channel.hpp"
#include "support/tcp.hpp"

namespace portier::keeper {

namespace {

constexpr int kLinger = 40;

std::error_code send_descriptor(const Fd& to, const std::string& text, int descriptor) {
    return net::send_message(to.get(), std::as_bytes(std::span(text)), {&descriptor, 1});
}

// Sockets of ours: numbers are used again.
std::size_t open_sockets() {
    const auto all = test::open_descriptors(::getpid());
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const auto& item) { return item.second.starts_with("socket:"); }));
}

class CloserTest : public Stage {
protected:
    ~CloserTest() override {
        for (Fd& client : clients_)
            if (client) test::reset(client);
    }

    Fd lingering() {
        test::Pair pair = test::make_lingering_pair(listener_, kLinger);
        clients_.push_back(std::move(pair.client));
        return std::move(pair.accepted);
    }
    bool waited() const { return std::chrono::steady_clock::now() - begin_ > std::chrono::seconds(kLinger / 2); }

    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    const Fd listener_ = test::listen_somewhere();
    std::vector<Fd> clients_;
};

}  // namespace

// What lingers is gone from this process at once; the children are reaped.
TEST_F(CloserTest, ClosesWithoutWaiting) {
    std::vector<Fd> foreign;
    for (int i = 0; i < 3; ++i) foreign.push_back(lingering());
    const std::size_t before = open_sockets();
    closer_.close(std::move(foreign));
    EXPECT_EQ(open_sockets(), before - 3);
    EXPECT_TRUE(run_until_no_child());
    EXPECT_FALSE(waited());
}

// A Unix socket is closed with all that lies in it, and those who send hear of it.
TEST_F(CloserTest, ClosesWhatLiesUnread) {
    net::ChannelPair pair = net::make_channel(net::FarDescriptors::accepted);
    ASSERT_FALSE(send_descriptor(pair.far, "unread", lingering().get()));
    closer_.close_unix(std::move(pair.near));
    EXPECT_TRUE(send_descriptor(pair.far, "more", listener_.get()));
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), 0) << "somebody waits for the client";
    test::reset(clients_.front());
    EXPECT_TRUE(run_until_no_child());
    EXPECT_FALSE(waited());
}

// A message is taken away with its descriptors, none of which comes into this process; the next one is still there.
TEST_F(CloserTest, DiscardsOneMessage) {
    net::ChannelPair pair = net::make_channel(net::FarDescriptors::accepted);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    ASSERT_FALSE(send_descriptor(pair.far, "first", write_end.get()));
    ASSERT_FALSE(send_descriptor(pair.far, "second", lingering().get()));
    write_end.reset();
    std::array<std::byte, 16> buffer;
    for (int i = 0; i < 2; ++i) {
        const Fd taken = closer_.discard_message(pair.near.get());
        char byte;
        ASSERT_TRUE(taken);
        ASSERT_EQ(::read(taken.get(), &byte, 1), 0);
    }
    EXPECT_EQ(net::receive_message(pair.near.get(), buffer).error, std::errc::resource_unavailable_try_again);
    char byte;
    EXPECT_TRUE(run_until([&] { return ::read(read_end.get(), &byte, 1) == 0; })) << "closed, and not by us";
    EXPECT_TRUE(run_until_no_child());
    EXPECT_FALSE(waited());
}

}  // namespace portier::keeper
