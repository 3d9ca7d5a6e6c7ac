// Intake from start to end: what it brings, what it says to portier, and when the process may exit.
#include "sdk/intake.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include "router_end.hpp"
#include "sdk/notify.hpp"
#include "support/wait.hpp"

namespace portier::sdk {
namespace {

using net::HandoffType;

class IntakeTest : public testing::Test, public Intake::Receiver {
protected:
    void SetUp() override {
        ::setenv("PORTIER_FD", std::to_string(router_.handler_end().release()).c_str(), 1);
        intake_ = std::make_unique<Intake>(loop_, *this);
        EXPECT_EQ(said(), HandoffType::credit);
    }

    // A SIGTERM of one test is not the next one's.
    void TearDown() override {
        sigset_t termination;
        ::sigemptyset(&termination);
        ::sigaddset(&termination, SIGTERM);
        const timespec at_once{};
        ::sigtimedwait(&termination, nullptr, &at_once);
    }

    void opened(Fd socket) override { sockets_.push_back(std::move(socket)); }
    std::optional<std::string_view> answer(std::string_view) override { return std::nullopt; }
    void finish() override { ++finished_; }

    void turn(std::size_t closed = 0) {
        for (const epoll_event& event : loop_.wait(0)) intake_->ready(event.data.fd);
        intake_->turn_ended(closed, false);
    }

    std::optional<HandoffType> said() {
        const auto message = router_.next();
        return message ? std::optional(message->type) : std::nullopt;
    }

    RouterEnd router_;
    Loop loop_;
    std::unique_ptr<Intake> intake_;
    std::vector<Fd> sockets_;
    int finished_ = 0;
};

TEST_F(IntakeTest, BringsConnectionsUntilDrained) {
    const auto far = router_.send_doors(1, 2);
    turn();
    EXPECT_EQ(sockets_.size(), 2u);
    EXPECT_EQ(said(), HandoffType::taken);
    EXPECT_FALSE(intake_->done(0)) << "without connections, but more may come";
    router_.send_type(HandoffType::drain);
    turn();
    EXPECT_FALSE(intake_->done(2));
    EXPECT_TRUE(intake_->done(0));
    EXPECT_EQ(finished_, 0) << "draining lets clients finish";
    EXPECT_TRUE(loop_.wait(0).empty());
}

TEST_F(IntakeTest, TheEndOfTheChannelIsLikeDrain) {
    router_.go_away();
    turn();
    EXPECT_TRUE(intake_->done(0));
    EXPECT_FALSE(intake_->done(1));
    EXPECT_TRUE(loop_.wait(0).empty()) << "the end of file must not wake the loop again and again";
}

TEST_F(IntakeTest, SigtermGivesTheChannelBackBeforeTheLastClientIsGone) {
    const auto far = router_.send_doors(1, 1);
    turn();
    EXPECT_EQ(said(), HandoffType::taken);
    ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
    turn();
    EXPECT_EQ(finished_, 1);
    EXPECT_EQ(said(), HandoffType::stopping);
    std::byte byte;
    EXPECT_EQ(net::receive_message(router_.fd(), {&byte, 1}).error, std::errc::broken_pipe);
    EXPECT_FALSE(intake_->done(1)) << "a client is still owed something";
    EXPECT_TRUE(intake_->done(0));
    ASSERT_TRUE(intake_->patience());
    EXPECT_LE(*intake_->patience(), 5000) << "but not for ever";
}

TEST_F(IntakeTest, ABrokenChannelIsAnError) {
    router_.send({std::byte{2}, std::byte{4}, {}, {}, {}, {}, {}, {}});
    EXPECT_THROW(turn(), std::runtime_error);
}

// A process that somebody watches.
class WatchedIntakeTest : public IntakeTest {
protected:
    void SetUp() override {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socklen_t size = sizeof address.sun_family;  // unix(7): the kernel finds an abstract name
        ASSERT_EQ(::bind(watcher_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
        size = sizeof address;
        ASSERT_EQ(::getsockname(watcher_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
        const std::string name(address.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);
        ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
        ::setenv("WATCHDOG_USEC", "3600000000", 1);
        IntakeTest::SetUp();
    }
    void TearDown() override {
        for (const char* variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC"}) ::unsetenv(variable);
        IntakeTest::TearDown();
    }

    std::string heard() {
        char buffer[256];
        const ssize_t size = ::recv(watcher_.get(), buffer, sizeof buffer, 0);
        return size < 0 ? "" : std::string(buffer, static_cast<std::size_t>(size));
    }

    Fd watcher_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
};

TEST_F(WatchedIntakeTest, PingsAtHalfTheTime) {
    turn();
    EXPECT_EQ(heard(), "WATCHDOG=1");
    turn();
    EXPECT_EQ(heard(), "");
    EXPECT_EQ(intake_->patience(), 60'000) << "as long as anything";
}

// Any local user can fill the socket for a moment: the ping is sent soon after, and not half an hour later.
TEST_F(WatchedIntakeTest, APingThatFindsNoRoomIsSentAgainSoon) {
    while (!notify("STATUS=noise")) {
    }
    turn();
    EXPECT_LE(*intake_->patience(), 10);
    while (!heard().empty()) {
    }
    EXPECT_TRUE(test::eventually([&] {
        turn();
        return heard() == "WATCHDOG=1";
    }));
}

TEST(Intake, WithoutPortierItIsAnError) {
    class Nobody : public Intake::Receiver {
        void opened(Fd) override {}
        std::optional<std::string_view> answer(std::string_view) override { return std::nullopt; }
        void finish() override {}
    } nobody;
    ::unsetenv("PORTIER_FD");
    Loop loop;
    EXPECT_THROW(Intake(loop, nobody), std::runtime_error);
}

}  // namespace
}  // namespace portier::sdk
