#include "delivery/spawn/request.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "support/random.hpp"
#include "support/tcp.hpp"

namespace portier::delivery {

namespace {

class SpawnRequestTest : public testing::Test {
protected:
    std::optional<SpawnRequest> decode(const SpawnRequest& request, const Fd& connection) const {
        return decode_spawn(std::as_bytes(std::span(&request, 1)), connection.get());
    }

    Fd listener_ = test::listen_somewhere();
    test::Pair pair_ = test::make_pair(listener_);
    SpawnRequest request_{.cookie = net::socket_cookie(pair_.accepted.get()), .accepted_us = 5, .handler = 3};
};

}  // namespace

// A connection with its own cookie is one, and so is a request whose connection was lost on the way to us.
TEST_F(SpawnRequestTest, TakesAConnection) {
    const auto request = decode(request_, pair_.accepted);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->cookie, request_.cookie);
    EXPECT_EQ(request->handler, 3u);
    EXPECT_TRUE(decode(request_, Fd()));
}

// What is no TCP connection, or not this one, never becomes a program's standard input.
TEST_F(SpawnRequestTest, RefusesWhatIsNoConnection) {
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const Fd datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    int local[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, local), 0);
    const Fd one(local[0]), other(local[1]);
    for (const Fd* wrong : std::initializer_list<const Fd*>{&null, &datagrams, &one, &listener_}) {
        request_.cookie = net::socket_cookie(wrong->get());
        EXPECT_FALSE(decode(request_, *wrong));
    }
    request_.cookie = net::socket_cookie(pair_.client.get());
    EXPECT_FALSE(decode(request_, pair_.accepted)) << "another's cookie";
}

// Bytes of any kind are a request or refused; an address has a family.
TEST_F(SpawnRequestTest, RefusesOtherBytes) {
    for (const std::uint8_t family : {std::uint8_t{0}, std::uint8_t{5}, std::uint8_t{255}}) {
        SpawnRequest wrong = request_;
        wrong.local.address.family = family;
        EXPECT_FALSE(decode(wrong, pair_.accepted));
        wrong = request_;
        wrong.remote.address.family = family;
        EXPECT_FALSE(decode(wrong, pair_.accepted));
    }
    test::Random random;
    for (int round = 0; round < 1000; ++round) {
        std::vector<std::byte> bytes(random.between(0, 2 * sizeof(SpawnRequest)));
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.between(0, 255));
        const auto request = decode_spawn(bytes, pair_.accepted.get());
        EXPECT_TRUE(!request || request->cookie == request_.cookie);
    }
}

}  // namespace portier::delivery
