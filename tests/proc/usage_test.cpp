#include "proc/usage.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/fd.hpp"
#include "support/processes.hpp"
#include "support/wait.hpp"

namespace portier::proc {

// The numbers are those of the process: descriptors to the piece, processor time grows with work, memory with use.
TEST(Usage, FollowsTheProcess) {
    const auto before = read_usage(::getpid());
    ASSERT_TRUE(before);
    // Looking at the folder takes one more, and before Linux 6.2 there is no other way to count.
    const std::size_t seen = test::open_descriptors(::getpid()).size();
    EXPECT_TRUE(before->open_fds == seen || before->open_fds == seen - 1) << before->open_fds << " of " << seen;
    EXPECT_GT(before->resident_bytes, 1u << 20);
    EXPECT_GT(before->virtual_bytes, before->resident_bytes);

    std::vector<Fd> more;
    for (int i = 0; i < 10; ++i) more.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    std::vector<char> memory(32 << 20, 'x');
    EXPECT_TRUE(test::eventually([&] {
        std::fill(memory.begin(), memory.end(), 'y');
        return read_usage(::getpid())->cpu_microseconds > before->cpu_microseconds;
    }));
    const auto after = read_usage(::getpid());
    EXPECT_EQ(after->open_fds, before->open_fds + 10);
    EXPECT_GE(after->resident_bytes, before->resident_bytes + (30u << 20));
    EXPECT_EQ(memory.back(), 'y');
}

// The name of a process may hold brackets and spaces; the numbers behind it are found all the same.
TEST(Usage, IsNotConfusedByTheName) {
    char name[16]{};
    ::prctl(PR_GET_NAME, name);
    const auto before = read_usage(::getpid());
    ::prctl(PR_SET_NAME, "a) R 1 (b ) 9");
    const auto after = read_usage(::getpid());
    ::prctl(PR_SET_NAME, name);
    ASSERT_TRUE(before && after);
    EXPECT_EQ(after->virtual_bytes, before->virtual_bytes);
}

// A process that is gone has no usage.
TEST(Usage, IsNothingForAProcessThatIsGone) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(read_usage(child));
    EXPECT_FALSE(read_usage(-1));
    EXPECT_TRUE(socket_inodes(child).empty());
}

// The sockets of a process are found by inode, and by inode the process.
TEST(SocketInodes, TellWhoHoldsASocket) {
    const Fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct stat status {};
    ::fstat(socket.get(), &status);
    const std::uint64_t inode = status.st_ino;
    const auto count = [&] {
        const auto inodes = socket_inodes(::getpid());
        return std::count(inodes.begin(), inodes.end(), inode);
    };
    EXPECT_EQ(count(), 1);
    const auto owner = find_socket_owner(inode);
    ASSERT_TRUE(owner);
    EXPECT_EQ(owner->pid, ::getpid());
    EXPECT_EQ(owner->name + "\n", test::proc_file(::getpid(), "comm"));
    socket.reset();
    EXPECT_EQ(count(), 0);
    EXPECT_FALSE(find_socket_owner(inode));
}

// A session's sockets are those of all its processes, also of one that a process has forked; others' are not. (The
// test's own session is never asked: in a PID namespace that does not show its leader, getsid() is 0.)
TEST(SocketInodes, OfASession) {
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct stat status {};
    ::fstat(socket.get(), &status);
    const auto new_session = [&](bool child_keeps_it) {
        const pid_t leader = ::fork();
        if (leader != 0) return leader;
        ::setsid();
        if (::fork() != 0 || !child_keeps_it) ::close(socket.get());
        for (;;) ::pause();
    };
    const auto held_by = [&](pid_t pid) {
        const auto inodes = socket_inodes(pid);
        return std::count(inodes.begin(), inodes.end(), status.st_ino);
    };
    const auto holders = [&](pid_t session) {
        return socket_inodes(processes_by_session(), session).count(status.st_ino);
    };
    const auto size = [](pid_t session) { return processes_by_session().count(session); };

    const pid_t leader = new_session(true), other = new_session(false);
    EXPECT_TRUE(test::eventually([&] { return held_by(leader) == 0 && size(leader) == 2 && holders(leader) == 1; }));
    EXPECT_TRUE(test::eventually([&] { return held_by(other) == 0 && size(other) == 2 && holders(other) == 0; }));
    for (const pid_t session : {leader, other}) {
        ::kill(-session, SIGKILL);
        ::waitpid(session, nullptr, 0);
    }
}

}  // namespace portier::proc
