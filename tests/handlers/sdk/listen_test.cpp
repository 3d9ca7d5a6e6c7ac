// inherited_sockets() in a process of its own: the test binary forks, because descriptors 3, 4, ... must be the passed
// ones.
#include "sdk/listen.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <functional>
#include <string>

namespace portier::sdk {
namespace {

// Runs `check` in a child in which descriptor 3 is a TCP socket and 4 a UDP socket; true when it returned true.
bool in_child(const std::function<bool()>& check) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        const int stream = ::fcntl(::socket(AF_INET, SOCK_STREAM, 0), F_DUPFD, 100);
        const int datagram = ::fcntl(::socket(AF_INET, SOCK_DGRAM, 0), F_DUPFD, 100);
        ::dup2(stream, 3);
        ::dup2(datagram, 4);
        ::_exit(check() ? 0 : 1);
    }
    int status = 0;
    return ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void announce(const char* count, const char* names, pid_t pid = ::getpid()) {
    ::setenv("LISTEN_PID", std::to_string(pid).c_str(), 1);
    ::setenv("LISTEN_FDS", count, 1);
    if (names) ::setenv("LISTEN_FDNAMES", names, 1);
}

bool throws() {
    try {
        inherited_sockets();
        return false;
    } catch (const std::exception&) {
        return true;
    }
}

TEST(InheritedSockets, NumbersNamesAndTypes) {
    EXPECT_TRUE(in_child([] {
        announce("2", "7001/tcp:[__1]_7001/udp");
        const auto sockets = inherited_sockets();
        return sockets.size() == 2 && sockets[0].socket.get() == 3 && sockets[0].name == "7001/tcp" &&
               !sockets[0].datagram && sockets[1].socket.get() == 4 && sockets[1].name == "[__1]_7001/udp" &&
               sockets[1].datagram;
    }));
}

TEST(InheritedSockets, AreClosedOnExecAndHiddenFromChildren) {
    EXPECT_TRUE(in_child([] {
        announce("2", "a:b");
        const auto sockets = inherited_sockets();
        return (::fcntl(3, F_GETFD) & FD_CLOEXEC) && (::fcntl(4, F_GETFD) & FD_CLOEXEC) && !std::getenv("LISTEN_FDS") &&
               !std::getenv("LISTEN_PID") && !std::getenv("LISTEN_FDNAMES");
    }));
}

TEST(InheritedSockets, WithoutNamesTheyAreUnknown) {
    EXPECT_TRUE(in_child([] {
        announce("1", nullptr);
        const auto sockets = inherited_sockets();
        return sockets.size() == 1 && sockets[0].name == "unknown";
    }));
}

TEST(InheritedSockets, MeantForAnotherProcessAreNotOurs) {
    EXPECT_TRUE(in_child([] {
        announce("2", "a:b", ::getppid());
        return inherited_sockets().empty() && ::fcntl(3, F_GETFD) == 0;
    }));
    EXPECT_TRUE(in_child([] { return inherited_sockets().empty(); }));
}

TEST(InheritedSockets, WrongAnnouncementsAreErrors) {
    EXPECT_TRUE(in_child([] { return announce("two", "a:b"), throws(); }));
    EXPECT_TRUE(in_child([] { return announce("2", "a"), throws(); }));
    EXPECT_TRUE(in_child([] { return ::close(4), announce("2", "a:b"), throws(); })) << "a hole";
}

}  // namespace
}  // namespace portier::sdk
