// Listeners on a real TCP listener: batches, running out of descriptors, stopping.
#include "sdk/listeners.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "router_end.hpp"

namespace portier::sdk {
namespace {

class ListenersTest : public testing::Test {
protected:
    void SetUp() override {
        Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address_), size), 0);
        ASSERT_EQ(::listen(listener.get(), 256), 0);
        ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address_), &size), 0);
        fd_ = listener.get();
        listeners_.add(std::move(listener));
    }

    void connect(int count) {
        for (int i = 0; i < count; ++i) {
            clients_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            const auto* to = reinterpret_cast<const sockaddr*>(&address_);
            ASSERT_EQ(::connect(clients_.back().get(), to, sizeof address_), 0);
        }
    }

    // One turn of a program's loop: how many connections it brought.
    std::size_t turn() {
        std::size_t count = 0;
        for (const epoll_event& event : loop_.wait(0))
            listeners_.accept(event.data.fd, [&](Fd socket) {
                accepted_.push_back(std::move(socket));
                ++count;
            });
        return count;
    }

    sockaddr_in address_{};
    int fd_ = -1;
    Loop loop_;
    Listeners listeners_{loop_};
    std::vector<Fd> clients_, accepted_;
};

TEST_F(ListenersTest, AcceptsInBatchesUntilNobodyWaits) {
    connect(150);
    while (turn() > 0) continue;
    EXPECT_EQ(accepted_.size(), 150u);
    EXPECT_FALSE(listeners_.paused());
}

TEST_F(ListenersTest, ADescriptorThatIsNotAListenerIsNotTaken) {
    EXPECT_FALSE(listeners_.accept(fd_ + 1000, [](Fd) {}));
}

TEST_F(ListenersTest, OutOfDescriptorsItPausesAndResumes) {
    connect(20);
    {
        const Fd lowest(::dup(fd_));
        const DescriptorLimit limit(static_cast<rlim_t>(lowest.get()) + 6);
        EXPECT_EQ(turn(), 5u);
        EXPECT_TRUE(listeners_.paused());
        EXPECT_TRUE(loop_.wait(0).empty()) << "a paused listener must not wake the loop again and again";
    }
    listeners_.resume();
    EXPECT_FALSE(listeners_.paused());
    EXPECT_EQ(turn(), 15u);
}

TEST_F(ListenersTest, StoppedItLeavesTheOthersInTheQueue) {
    const Fd copy(::dup(fd_));
    connect(1);
    listeners_.stop();
    EXPECT_EQ(turn(), 0u);
    EXPECT_FALSE(listeners_.any());
    const Fd waiting(::accept4(copy.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(waiting) << "another process still gets it";
}

}  // namespace
}  // namespace portier::sdk
