#include "net/datagram_spread.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <map>
#include <vector>

#include "net/socket.hpp"
#include "support/free_port.hpp"

namespace portier::net {

namespace {

constexpr int kSenders = 200;

// Sockets bound to one place, and who sends to it: each from a port of its own.
class DatagramSpreadTest : public testing::TestWithParam<const char*> {
protected:
    DatagramSpreadTest() : host_(*parse_address(GetParam())) {
        for (int i = 0; i < kSenders; ++i)
            senders_.emplace_back(::socket(host_.family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    }

    // Of every address, so that both kinds of packets come to the same sockets.
    void bind_one() { sockets_.push_back(open_udp_socket({std::nullopt, port_}, sockets_.empty())); }

    // One datagram from each sender: the index of the socket that got it.
    std::map<int, std::size_t> send_all() {
        sockaddr_storage address;
        const socklen_t length = to_sockaddr({host_, port_}, address);
        for (int i = 0; i < kSenders; ++i)
            EXPECT_EQ(::sendto(senders_[static_cast<std::size_t>(i)].get(), &i, sizeof i, 0,
                               reinterpret_cast<sockaddr*>(&address), length),
                      static_cast<ssize_t>(sizeof i));
        std::map<int, std::size_t> got;
        for (std::size_t index = 0; index < sockets_.size(); ++index)
            for (int i; ::recv(sockets_[index].get(), &i, sizeof i, MSG_DONTWAIT) == sizeof i;) got[i] = index;
        EXPECT_EQ(got.size(), static_cast<std::size_t>(kSenders)) << "none is lost";
        return got;
    }

    static std::vector<int> counts(const std::map<int, std::size_t>& got, std::size_t sockets) {
        std::vector<int> result(sockets);
        for (const auto& [sender, index] : got) ++result.at(index);
        return result;
    }

    Address host_;
    std::uint16_t port_ = test::free_ports();
    std::vector<Fd> senders_, sockets_;
};

}  // namespace

// A socket that is bound later gets nothing, and takes no flow from another, until it is counted in.
TEST_P(DatagramSpreadTest, OnlyTheFirstOnesGetAny) {
    bind_one();
    bind_one();
    ASSERT_FALSE(spread_datagrams(sockets_[0].get(), 2));
    const auto before = send_all();
    for (const int count : counts(before, 2)) EXPECT_GT(count, kSenders / 4) << "evenly, more or less";
    bind_one();
    EXPECT_EQ(send_all(), before);
    ASSERT_FALSE(spread_datagrams(sockets_[1].get(), 3));
    for (const int count : counts(send_all(), 3)) EXPECT_GT(count, kSenders / 8);
    ASSERT_FALSE(spread_datagrams(sockets_[2].get(), 2));
    EXPECT_EQ(send_all(), before) << "and as it was, once it is counted out";
    sockets_.pop_back();
    EXPECT_EQ(send_all(), before);
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, DatagramSpreadTest, testing::Values("127.0.0.1", "::1"));

// A socket that shares its place with nobody says so.
TEST(DatagramSpread, NeedsAGroup) {
    const Fd alone(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_TRUE(spread_datagrams(alone.get(), 1));
}

}  // namespace portier::net
