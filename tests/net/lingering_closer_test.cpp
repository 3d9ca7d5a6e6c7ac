#include "net/lingering_closer.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

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

}  // namespace portier::net
