#include "keeper/closer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>

#include "base/log.hpp"
#include "net/channel.hpp"
#include "net/socket.hpp"

namespace portier::keeper {

namespace {

// Of children that take messages, which any user can cause; all together.
constexpr std::size_t kMostDiscarding = 64;
constexpr std::size_t kMostChildren = 1024;
constexpr unsigned kPatienceSeconds = 5;
constexpr int kMostLooks = 1000;

// The keeper's table of descriptors is this child's, too: what it closes is gone there.
[[noreturn]] void close_and_exit(int fd) {
    sigset_t alarm;
    ::sigemptyset(&alarm);
    ::sigaddset(&alarm, SIGALRM);
    ::signal(SIGALRM, SIG_DFL);
    ::sigprocmask(SIG_UNBLOCK, &alarm, nullptr);
    ::alarm(kPatienceSeconds);  // a signal ends lingering
    net::close_at_once(Fd(fd));
    ::_exit(0);
}

// At the end of a process no socket lingers; a file may still wait for its server.
[[noreturn]] void discard_and_exit(int socket, int taken) {
    ::dup2(taken, 0);
    ::dup2(socket, 1);
    ::close_range(2, ~0u, 0);
    char byte;
    iovec part{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * net::kMostDescriptors) + CMSG_SPACE(sizeof(ucred))> room;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = room.data();
    header.msg_controllen = room.size();
    ::recvmsg(1, &header, MSG_DONTWAIT);
    ::close(0);
    ::_exit(0);
}

// A program that is started meanwhile would get a copy, and would wait for it in exec(2).
void wait_until_gone(int fd) {
    for (int look = 0; look < kMostLooks && ::fcntl(fd, F_GETFD) >= 0; ++look) ::poll(nullptr, 0, 1);
}

bool has_unread(int socket) {
    std::byte byte;  // 0 may be the end, or a message without a byte
    return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

}  // namespace

void Closer::watch(proc::Child child) {
    const pid_t pid = child.pid;
    const auto reap = [this, pid] {
        const auto gone = children_.extract(pid);
        proc::reap(gone.mapped().child);
    };
    auto exit = std::make_unique<Readable>(io_, child.pidfd.get(), reap);
    exit->wait();
    children_[pid] = {std::move(child), std::move(exit)};
}

void Closer::close(std::vector<Fd> foreign) {
    for (Fd& fd : foreign) {
        proc::Child child;
        if (children_.size() < kMostChildren) child = proc::clone_child(CLONE_FILES);
        if (child.pid == 0) close_and_exit(fd.get());
        if (child.pid < 0) {
            log_limited(LogSeverity::warning, "a descriptor that another process sent is closed here, which may wait",
                        {{"being_closed", children_.size()}});
            net::close_at_once(std::move(fd));
            continue;
        }
        wait_until_gone(fd.release());  // before anything else gets its number
        watch(std::move(child));
    }
}

void Closer::close_unix(Fd socket) {
    ::shutdown(socket.get(), SHUT_RD);
    if (!has_unread(socket.get())) return;
    std::vector<Fd> one;
    one.push_back(std::move(socket));
    close(std::move(one));
}

Fd Closer::discard_message(int socket) {
    int ends[2];
    if (children_.size() >= kMostDiscarding || ::pipe2(ends, O_CLOEXEC) < 0) return Fd();
    Fd seen(ends[0]);
    const Fd taken(ends[1]);
    proc::Child child = proc::clone_child();
    if (child.pid == 0) discard_and_exit(socket, taken.get());
    if (child.pid < 0) return Fd();
    watch(std::move(child));
    return seen;
}

}  // namespace portier::keeper
