#include "desk/proxy_gate.hpp"

#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "support/log_capture.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::desk {

namespace {

using metrics::Rejected;

constexpr std::uint32_t kListener = 70, kOther = 71;
constexpr std::uint32_t kRow = 7;
constexpr std::chrono::milliseconds kLong{60'000};
const std::string kHeader = "PROXY TCP4 192.0.2.1 192.0.2.2 1001 1002\r\n";

class ProxyGateTest : public testing::Test {
protected:
    // True: its header was there at once.
    bool enter(const test::Pair& pair, std::uint32_t listener = kListener, std::chrono::milliseconds timeout = kLong) {
        delivery::Accepted accepted;
        accepted.socket = Fd(::fcntl(pair.accepted.get(), F_DUPFD_CLOEXEC, 0));
        accepted.remote = net::local_endpoint(pair.client.get());
        accepted.port_row = kRow;
        accepted.accepted_us = monotonic_microseconds();
        auto passed = gate_.enter(listener, std::move(accepted), timeout);
        if (passed) passed_[listener].push_back(std::move(*passed));
        return passed.has_value();
    }
    std::uint64_t rejected(Rejected reason) const {
        return board_->ports[kRow].rejected[static_cast<std::size_t>(reason)].get();
    }
    bool run_until_left(std::uint32_t listener, std::size_t stay) {
        return test::run_until(io_, [&] { return gate_.waiting(listener) == stay; });
    }

    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    boost::asio::io_context io_{1};
    std::map<std::uint32_t, std::vector<delivery::Accepted>> passed_;
    std::size_t news_ = 0;
    ProxyGate gate_{io_, *board_, [this](std::uint32_t listener, std::vector<delivery::Accepted> passed) {
                        ++news_;
                        for (auto& accepted : passed) passed_[listener].push_back(std::move(accepted));
                    }};
    Fd listener_ = test::listen_somewhere();
};

}  // namespace

// A header that is there already costs no waiting.
TEST_F(ProxyGateTest, LetsPassAtOnce) {
    const test::Pair pair = test::make_pair(listener_);
    test::send_all(pair.client, kHeader + "data");
    ASSERT_TRUE(test::eventually([&] { return test::is_readable(pair.accepted); }));
    ASSERT_TRUE(enter(pair));
    const delivery::Accepted& accepted = passed_[kListener].at(0);
    EXPECT_EQ(accepted.header_size, kHeader.size());
    EXPECT_EQ(net::to_string(accepted.remote), "192.0.2.1:1001");
    EXPECT_EQ(net::to_string(accepted.local), "192.0.2.2:1002");
    EXPECT_EQ(test::receive_exactly(accepted.socket, 4), "data");
    EXPECT_EQ(gate_.waiting(kListener), 0u);
}

// One byte at a time, and the data that follows stays; each listener hears of its own.
TEST_F(ProxyGateTest, WaitsForTheWholeHeader) {
    const test::Pair slow = test::make_pair(listener_), other = test::make_pair(listener_);
    ASSERT_FALSE(enter(slow));
    ASSERT_FALSE(enter(other, kOther));
    for (const char byte : kHeader.substr(0, kHeader.size() - 1)) {
        test::send_all(slow.client, {byte});
        test::run_ready(io_);
    }
    EXPECT_EQ(gate_.waiting(kListener), 1u);
    test::send_all(slow.client, "\ndata");
    ASSERT_TRUE(run_until_left(kListener, 0));
    EXPECT_EQ(gate_.waiting(kOther), 1u);
    ASSERT_EQ(passed_[kListener].size(), 1u);
    EXPECT_EQ(net::to_string(passed_[kListener][0].remote), "192.0.2.1:1001");
    EXPECT_EQ(test::receive_exactly(passed_[kListener][0].socket, 4), "data");
}

// A part of a header lies in the socket for long: that must not keep the desk busy.
TEST_F(ProxyGateTest, DoesNotSpinOnAPart) {
    const test::Pair pair = test::make_pair(listener_);
    test::send_all(pair.client, kHeader.substr(0, 9));
    ASSERT_TRUE(test::eventually([&] { return test::is_readable(pair.accepted); }));
    ASSERT_FALSE(enter(pair));
    test::run_ready(io_);
    std::size_t turns = 0;
    for (int i = 0; i < 100; ++i) {
        io_.restart();
        turns += io_.poll();
    }
    EXPECT_LE(turns, 2u);
}

// LOCAL, UNKNOWN and addresses of another protocol: the socket's own ends stay.
TEST_F(ProxyGateTest, KeepsTheSocketsEndsWithoutAnAddress) {
    const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
    for (const std::string& header : {std::string("PROXY UNKNOWN\r\n"), signature + std::string("\x20\x00\x00\x00", 4),
                                      signature + std::string("\x21\x12\x00\x0c", 4) + std::string(12, '\1')}) {
        const test::Pair pair = test::make_pair(listener_);
        test::send_all(pair.client, header);
        ASSERT_TRUE(test::eventually([&] { return test::is_readable(pair.accepted); }));
        ASSERT_TRUE(enter(pair));
        EXPECT_EQ(passed_[kListener].back().header_size, header.size());
        EXPECT_EQ(passed_[kListener].back().local, net::local_endpoint(listener_.get()));
        EXPECT_EQ(passed_[kListener].back().remote, net::local_endpoint(pair.client.get()));
    }
}

// Each way not to send a header is counted as what it is, and its place is free again.
TEST_F(ProxyGateTest, RefusesWithTheReason) {
    test::LogCapture log;
    test::Pair malformed = test::make_pair(listener_), half = test::make_pair(listener_),
               reset = test::make_pair(listener_), late = test::make_pair(listener_);
    for (const test::Pair* pair : {&malformed, &half, &reset}) ASSERT_FALSE(enter(*pair));
    ASSERT_FALSE(enter(late, kListener, std::chrono::milliseconds(20)));
    ASSERT_TRUE(run_until_left(kListener, 3));
    EXPECT_EQ(rejected(Rejected::proxy_timeout), 1u);
    test::send_all(malformed.client, "PROXY TCP4 nobody\r\n");
    ASSERT_TRUE(run_until_left(kListener, 2));
    EXPECT_EQ(rejected(Rejected::proxy_header), 1u);
    test::send_all(half.client, kHeader.substr(0, 30));
    ::shutdown(half.client.get(), SHUT_WR);
    ASSERT_TRUE(run_until_left(kListener, 1));
    EXPECT_EQ(rejected(Rejected::aborted), 1u);
    test::reset(reset.client);
    ASSERT_TRUE(run_until_left(kListener, 0));
    EXPECT_EQ(rejected(Rejected::aborted), 2u);
    EXPECT_TRUE(passed_.empty());
    EXPECT_EQ(news_, 4u);
    EXPECT_NE(log.text().find("two addresses"), std::string::npos) << log.text();
}

// Who comes later with less patience is not kept by the alarm of who came first.
TEST_F(ProxyGateTest, EachHasItsOwnDeadline) {
    const test::Pair patient = test::make_pair(listener_), hasty = test::make_pair(listener_);
    ASSERT_FALSE(enter(patient));
    ASSERT_FALSE(enter(hasty, kOther, std::chrono::milliseconds(20)));
    ASSERT_TRUE(run_until_left(kOther, 0));
    EXPECT_EQ(gate_.waiting(kListener), 1u);
}

// What the gate has let go on does not come back to it: its descriptor is out of epoll, though others hold the socket.
TEST_F(ProxyGateTest, ForgetsWhoHasPassed) {
    const test::Pair pair = test::make_pair(listener_);
    ASSERT_FALSE(enter(pair));
    test::send_all(pair.client, kHeader);
    ASSERT_TRUE(run_until_left(kListener, 0));
    passed_.clear();  // closes that descriptor; the pair still has one
    test::run_ready(io_);
    test::send_all(pair.client, "more");
    std::size_t turns = 0;
    for (int i = 0; i < 100; ++i) {
        io_.restart();
        turns += io_.poll();
    }
    EXPECT_EQ(turns, 0u);
}

// A listener that goes gets what has its header by now; the others are refused, those of other listeners stay.
TEST_F(ProxyGateTest, ClosesWithItsListener) {
    const test::Pair ready = test::make_pair(listener_), waits = test::make_pair(listener_),
                     other = test::make_pair(listener_);
    ASSERT_FALSE(enter(ready));
    ASSERT_FALSE(enter(waits));
    ASSERT_FALSE(enter(other, kOther));
    test::send_all(ready.client, kHeader);
    ASSERT_TRUE(test::eventually([&] { return test::is_readable(ready.accepted); }));
    EXPECT_EQ(gate_.close(kListener).size(), 1u);
    EXPECT_EQ(rejected(Rejected::proxy_timeout), 1u);
    EXPECT_EQ(gate_.waiting(kListener), 0u);
    EXPECT_EQ(gate_.waiting(kOther), 1u);
    EXPECT_EQ(news_, 0u);
}

}  // namespace portier::desk
