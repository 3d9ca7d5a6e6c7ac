#include "delivery/link.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "net/channel.hpp"
#include "support/random.hpp"
#include "support/tcp.hpp"

namespace portier::delivery {

namespace {

Deadline within(std::chrono::milliseconds time) {
    return Deadline::clock::now() + time;
}

Deadline patience() {
    return within(std::chrono::seconds(20));
}

ino_t inode(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

class LinkTest : public testing::Test {
protected:
    // The next message, which must be there and good.
    LinkMessage receive() {
        LinkReceived received = receive_link(router());
        EXPECT_FALSE(received.error) << received.error.message();
        EXPECT_TRUE(received.message);
        return received.message ? std::move(*received.message) : LinkMessage{};
    }

    int keeper() const { return pair_.near.get(); }
    int router() const { return pair_.far.get(); }

    net::ChannelPair pair_ = net::make_channel();
};

}  // namespace

// Descriptors arrive with their numbers, however many, as often as it takes.
TEST_F(LinkTest, OffersDescriptors) {
    for (const std::size_t count : {0u, 1u, 64u, 65u, 200u}) {
        std::vector<Fd> ours;
        std::vector<std::pair<std::uint32_t, int>> offer;
        for (std::size_t i = 0; i < count; ++i) {
            int ends[2];
            ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
            ::close(ends[1]);
            ours.emplace_back(ends[0]);
            offer.emplace_back(static_cast<std::uint32_t>(1000 + i), ends[0]);
        }
        ASSERT_FALSE(send_offer(keeper(), offer, patience()));
        std::size_t arrived = 0;
        while (arrived < count) {
            const LinkMessage message = receive();
            ASSERT_EQ(message.type, LinkType::offer);
            for (const auto& [number, fd] : message.offered) {
                EXPECT_EQ(number, offer[arrived].first);
                EXPECT_EQ(inode(fd.get()), inode(offer[arrived].second));
                ++arrived;
            }
        }
        EXPECT_EQ(receive_link(router()).error, std::errc::resource_unavailable_try_again);
    }
}

// A plan of any length arrives as it was written; it may be much longer than a message.
TEST_F(LinkTest, SendsPlans) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{2}, net::kMaxMessage + 1, std::size_t{5} << 20}) {
        const std::string plan(size, 'p');
        ASSERT_FALSE(send_plan(keeper(), size + 7, plan, patience()));
        const LinkMessage message = receive();
        EXPECT_EQ(message.type, LinkType::plan);
        EXPECT_EQ(message.generation, size + 7);
        EXPECT_TRUE(message.plan == plan);
    }
}

// The short messages, each way.
TEST_F(LinkTest, SendsOrdersAndAnswers) {
    ASSERT_FALSE(send_stop(keeper(), std::chrono::seconds(30)));
    const LinkMessage stop = receive();
    EXPECT_EQ(stop.type, LinkType::stop);
    EXPECT_EQ(stop.generation, 30'000u);
    ASSERT_FALSE(send_applied(keeper(), 12345678901234567));
    const LinkMessage applied = receive();
    EXPECT_EQ(applied.type, LinkType::applied);
    EXPECT_EQ(applied.generation, 12345678901234567u);
    ASSERT_FALSE(send_demand(keeper(), 9));
    const LinkMessage demand = receive();
    EXPECT_EQ(demand.type, LinkType::demand);
    EXPECT_EQ(demand.generation, 9u);
    ASSERT_FALSE(send_ping(keeper(), 8));
    const LinkMessage ping = receive();
    EXPECT_EQ(ping.type, LinkType::ping);
    EXPECT_EQ(ping.generation, 8u);
}

// The words of `spawn`: a request with its connection, and its end.
TEST_F(LinkTest, AsksForAProcess) {
    net::ChannelPair pair = net::make_channel(net::FarDescriptors::accepted);
    const test::Pair connection = test::make_pair(test::listen_somewhere());
    const SpawnRequest request{.cookie = net::socket_cookie(connection.accepted.get()),
                               .accepted_us = 12345,
                               .handler = 7,
                               .local = {*net::parse_address("10.0.0.1"), 80},
                               .remote = {*net::parse_address("2001:db8::1"), 4711}};
    ASSERT_FALSE(send_spawn(pair.far.get(), request, connection.accepted.get()));
    LinkReceived received = receive_from_router(pair.near.get());
    ASSERT_TRUE(received.message) << received.error.message();
    EXPECT_EQ(received.message->type, LinkType::spawn);
    EXPECT_EQ(inode(received.message->connection.get()), inode(connection.accepted.get()));
    EXPECT_EQ(received.message->spawn.cookie, request.cookie);
    EXPECT_EQ(received.message->spawn.handler, 7u);
    EXPECT_EQ(received.message->spawn.accepted_us, 12345u);
    EXPECT_EQ(received.message->spawn.local, request.local);
    EXPECT_EQ(received.message->spawn.remote, request.remote);
    for (const bool started : {true, false}) {
        ASSERT_FALSE(send_spawned_ended(keeper(), {.cookie = 99, .handler = 7, .started = started}));
        const LinkMessage ended = receive();
        EXPECT_EQ(ended.type, LinkType::spawned_ended);
        EXPECT_EQ(ended.ended.cookie, 99u);
        EXPECT_EQ(ended.ended.handler, 7u);
        EXPECT_EQ(ended.ended.started, started);
    }
}

// A request that is none: other descriptors than the one connection, bytes too few or too many.
TEST_F(LinkTest, RefusesRequestsThatAreNone) {
    net::ChannelPair pair = net::make_channel(net::FarDescriptors::accepted);
    const test::Pair connection = test::make_pair(test::listen_somewhere());
    SpawnRequest request{.cookie = net::socket_cookie(connection.accepted.get())};
    std::vector<std::byte> bytes(16 + sizeof request);
    bytes[0] = static_cast<std::byte>(LinkType::spawn);
    std::memcpy(bytes.data() + 16, &request, sizeof request);
    const int one = connection.accepted.get(), other = pair.far.get(), two[2]{one, one};
    const auto answer = [&](std::span<const std::byte> message, std::span<const int> descriptors) {
        EXPECT_FALSE(net::send_message(pair.far.get(), message, descriptors));
        return receive_from_router(pair.near.get()).error;
    };
    EXPECT_FALSE(answer(bytes, {&one, 1}));
    EXPECT_EQ(answer(bytes, {}), std::errc::bad_message);
    EXPECT_EQ(answer(bytes, two), std::errc::bad_message);
    EXPECT_EQ(answer(bytes, {&other, 1}), std::errc::bad_message);
    for (std::size_t size = 1; size < bytes.size(); ++size)
        EXPECT_EQ(answer(std::span(bytes).first(size), {&one, 1}), std::errc::bad_message) << size;
    bytes.push_back({});
    EXPECT_EQ(answer(bytes, {&one, 1}), std::errc::bad_message);
    EXPECT_FALSE(test::is_readable(connection.client)) << "nobody else's copy was touched";
}

// Descriptors that are not due are left to the caller to close, because that may wait.
TEST_F(LinkTest, LeavesRefusedDescriptorsToTheCaller) {
    net::ChannelPair pair = net::make_channel(net::FarDescriptors::accepted);
    const std::uint64_t applied[2]{4, 1};
    const std::vector<int> many(net::kMostDescriptors, pair.far.get());
    ASSERT_FALSE(net::send_message(pair.far.get(), std::as_bytes(std::span(applied)), many));
    const LinkReceived received = receive_from_router(pair.near.get());
    EXPECT_EQ(received.error, std::errc::bad_message);
    EXPECT_EQ(received.refused.size(), many.size());
}

// A router that does not read is given up after the patience, not waited for for ever.
TEST_F(LinkTest, HasPatienceButNotForEver) {
    std::error_code error;
    while (!(error = send_applied(keeper(), 1))) {
    }
    EXPECT_EQ(error, std::errc::resource_unavailable_try_again) << "an answer is not worth waiting";
    EXPECT_EQ(send_plan(keeper(), 1, "plan", within(std::chrono::milliseconds(10))), std::errc::timed_out);
    const std::pair<std::uint32_t, int> one{1, keeper()};
    EXPECT_EQ(send_offer(keeper(), std::span(&one, 1), within(std::chrono::milliseconds(10))), std::errc::timed_out);
    receive();
    EXPECT_FALSE(send_plan(keeper(), 1, "plan", patience())) << "there is room again";
}

// The patience is one for all messages of an order: a router that takes one now and then does not begin it anew.
TEST_F(LinkTest, HasOnePatienceForAnOrder) {
    while (!send_applied(keeper(), 1)) {
    }
    const std::vector<std::pair<std::uint32_t, int>> many(64 * 1000, {1, keeper()});
    std::thread slow([link = router()] {
        for (int i = 0; i < 10; ++i) {
            ::poll(nullptr, 0, 200);
            receive_link(link);
        }
    });
    const Deadline until = within(std::chrono::milliseconds(500));
    EXPECT_EQ(send_offer(keeper(), many, until), std::errc::timed_out);
    EXPECT_LT(Deadline::clock::now(), until + std::chrono::seconds(1));
    slow.join();
}

// When the other side is gone, both directions say so.
TEST_F(LinkTest, NoticesTheEnd) {
    ASSERT_FALSE(send_stop(keeper(), std::chrono::seconds(30)));
    pair_.near.reset();
    EXPECT_EQ(receive().type, LinkType::stop);
    EXPECT_EQ(receive_link(router()).error, std::errc::broken_pipe);
    EXPECT_EQ(send_applied(router(), 1), std::errc::broken_pipe);
}

// Bytes that are no message are refused, and what comes after them is read.
TEST_F(LinkTest, RefusesGarbage) {
    test::Random random;
    for (int round = 0; round < 3000; ++round) {
        std::vector<std::byte> message(random.between(1, 400));
        for (std::byte& byte : message) byte = static_cast<std::byte>(random.between(0, random.between(0, 255)));
        const int fd = keeper();
        ASSERT_FALSE(net::send_message(keeper(), message, std::span(&fd, random.between(0, 1))));
        const LinkReceived received = receive_link(router());
        ASSERT_TRUE(received.error == std::errc::bad_message || (!received.error && message.size() >= 16));
    }
    ASSERT_FALSE(send_stop(keeper(), std::chrono::seconds(30)));
    EXPECT_EQ(receive().type, LinkType::stop);
}

// At the keeper's end only what a router says is taken; nothing else is even looked at, above all no plan.
TEST_F(LinkTest, KeeperTakesOnlyWhatARouterSays) {
    ASSERT_FALSE(send_applied(router(), 12345678901234567));
    ASSERT_FALSE(send_demand(router(), 9));
    LinkReceived received = receive_from_router(keeper());
    ASSERT_TRUE(received.message);
    EXPECT_EQ(received.message->type, LinkType::applied);
    EXPECT_EQ(received.message->generation, 12345678901234567u);
    received = receive_from_router(keeper());
    ASSERT_TRUE(received.message);
    EXPECT_EQ(received.message->type, LinkType::demand);
    EXPECT_EQ(received.message->generation, 9u);
    ASSERT_FALSE(send_broken(router(), 7));
    received = receive_from_router(keeper());
    ASSERT_TRUE(received.message);
    EXPECT_EQ(received.message->type, LinkType::broken);
    EXPECT_EQ(received.message->generation, 7u);
    EXPECT_EQ(receive_from_router(keeper()).error, std::errc::resource_unavailable_try_again);

    const Fd huge(::memfd_create("plan", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(huge.get(), off_t{1} << 62), 0);
    const int fd = huge.get();
    const std::uint64_t plan[2]{2, 0}, applied[2]{4, 1};
    const auto is_refused = [&](std::span<const std::byte> bytes, std::span<const int> descriptors) {
        // Where the kernel can, it does not even let descriptors through to the keeper (SO_PASSRIGHTS).
        if (net::send_message(router(), bytes, descriptors)) return !descriptors.empty();
        return receive_from_router(keeper()).error == std::errc::bad_message;
    };
    EXPECT_TRUE(is_refused(std::as_bytes(std::span(plan)), {&fd, 1}));
    EXPECT_TRUE(is_refused(std::as_bytes(std::span(applied)), {&fd, 1}));
    EXPECT_TRUE(is_refused(std::as_bytes(std::span(applied)).first(15), {}));
    EXPECT_FALSE(is_refused(std::as_bytes(std::span(applied)), {}));
    ASSERT_FALSE(send_stop(router(), {}));
    EXPECT_EQ(receive_from_router(keeper()).error, std::errc::bad_message);
    pair_.far.reset();
    EXPECT_EQ(receive_from_router(keeper()).error, std::errc::broken_pipe);
}

}  // namespace portier::delivery
