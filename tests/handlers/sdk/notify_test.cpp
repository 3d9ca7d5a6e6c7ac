// notify against a real datagram socket, by path and in the abstract namespace.
#include "sdk/notify.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/fd.hpp"

namespace portier::sdk {
namespace {

class NotifyTest : public testing::Test {
protected:
    void TearDown() override {
        for (const char* variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(variable);
        if (!path_.empty() && path_[0] != '@') ::unlink(path_.c_str());
    }

    void listen_on(const std::string& path) {
        path_ = path;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        if (path[0] == '@') address.sun_path[0] = '\0';
        socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }

    std::string heard() {
        char buffer[256];
        const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
        return size < 0 ? "" : std::string(buffer, static_cast<std::size_t>(size));
    }

    Fd socket_;
    std::string path_;
};

TEST_F(NotifyTest, NobodyToTellIsNoError) {
    EXPECT_FALSE(notify_ready());
    ::setenv("NOTIFY_SOCKET", "", 1);
    EXPECT_FALSE(notify("STATUS=fine"));
}

TEST_F(NotifyTest, ByPath) {
    listen_on(testing::TempDir() + "notify-test-" + std::to_string(::getpid()));
    EXPECT_FALSE(notify_ready());
    EXPECT_EQ(heard(), "READY=1");
    EXPECT_FALSE(notify("STOPPING=1\nSTATUS=bye"));
    EXPECT_EQ(heard(), "STOPPING=1\nSTATUS=bye");
}

TEST_F(NotifyTest, InTheAbstractNamespace) {
    listen_on("@portier-notify-test-" + std::to_string(::getpid()));
    EXPECT_FALSE(notify_ready());
    EXPECT_EQ(heard(), "READY=1");
}

TEST_F(NotifyTest, AFullQueueIsNotWaitedFor) {
    listen_on("@portier-notify-test-" + std::to_string(::getpid()));
    std::error_code error;
    for (int i = 0; i < 100'000 && !error; ++i) error = notify("WATCHDOG=1");
    EXPECT_EQ(error, std::errc::resource_unavailable_try_again);
}

TEST_F(NotifyTest, WrongPathsAreErrors) {
    ::setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
    EXPECT_EQ(notify_ready(), std::errc::no_such_file_or_directory);
    ::setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);
    EXPECT_EQ(notify_ready(), std::errc::filename_too_long);
}

TEST_F(NotifyTest, WatchdogIsForThisProcessOnly) {
    EXPECT_FALSE(watchdog_interval());
    ::setenv("WATCHDOG_USEC", "250000", 1);
    EXPECT_EQ(watchdog_interval(), std::chrono::milliseconds(250));
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    EXPECT_EQ(watchdog_interval(), std::chrono::milliseconds(250));
    ::setenv("WATCHDOG_PID", "1", 1);
    EXPECT_FALSE(watchdog_interval());
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    for (const char* wrong : {"", "0", "-5", "1s"}) {
        ::setenv("WATCHDOG_USEC", wrong, 1);
        EXPECT_FALSE(watchdog_interval()) << wrong;
    }
}

}  // namespace
}  // namespace portier::sdk
