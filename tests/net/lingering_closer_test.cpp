#include "net/lingering_closer.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::net {

// Closing does not wait for a client that does not read, however many there are, and the closer itself can go.
TEST(LingeringCloser, WaitsForNobody) {
    const Fd listener = test::listen_somewhere();
    std::vector<Fd> clients;
    {
        LingeringCloser closer;
        for (int i = 0; i < 3; ++i) {
            test::Pair pair = test::make_lingering_pair(listener, 3600);
            clients.push_back(std::move(pair.client));
            closer.close(std::move(pair.accepted));
        }
    }
    for (Fd& client : clients) test::reset(client);
}

// What does not linger is closed at once; what does, when its client has read everything.
TEST(LingeringCloser, Closes) {
    const Fd listener = test::listen_somewhere();
    LingeringCloser closer;
    test::Pair plain = test::make_pair(listener), slow = test::make_lingering_pair(listener, 3600);
    closer.close(std::move(plain.accepted));
    char byte;
    EXPECT_EQ(::recv(plain.client.get(), &byte, 1, 0), 0);
    closer.close(std::move(slow.accepted));
    EXPECT_GT(test::receive_all(slow.client).size(), 0u) << "up to the end of the stream";
}

// Who may start no thread (RLIMIT_NPROC, which does not bind root) closes all the same, and waits for nobody.
TEST(LingeringCloser, DoesWithoutAThread) {
    const Fd listener = test::listen_somewhere();
    test::Pair pair = test::make_lingering_pair(listener, 3600);
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit none{0, 0};
        if (::setrlimit(RLIMIT_NPROC, &none) < 0 || (::geteuid() == 0 && ::setuid(65534) < 0)) ::_exit(2);
        LingeringCloser closer;
        closer.close(std::move(pair.accepted));
        ::_exit(0);
    }
    pair.accepted.reset();  // lingers on in the child only
    int status = -1;
    EXPECT_TRUE(test::eventually([&] { return ::waitpid(child, &status, WNOHANG) == child; }));
    EXPECT_EQ(status, 0);
    test::reset(pair.client);
}

}  // namespace portier::net
