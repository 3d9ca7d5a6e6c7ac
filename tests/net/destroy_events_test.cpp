// The destroy events of net/sock_diag.hpp: every end is announced, with exact counts.
#include <gtest/gtest.h>

#include <map>

#include "net/filter_faults.hpp"
#include "net/sock_diag.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::net {

namespace {

using test::Pair;

class DestroyEventsTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_FALSE(join_destroy_events(events_.get(), DestroyGroup::ipv4));
        ASSERT_FALSE(filter_destroy_events(events_.get(), interval_of(listener_)));
    }

    static std::vector<PortInterval> interval_of(const Fd& listener) {
        return {{test::port_of(listener), test::port_of(listener)}};
    }

    void read() {
        const auto error =
            read_destroy_events(events_.get(), 1000, [&](const SocketReport& r) { reports_[r.cookie] = r; });
        EXPECT_TRUE(!error || error == std::errc::resource_unavailable_try_again) << error.message();
    }

    // Waits until the end of this connection was announced.
    SocketReport report_of(std::uint64_t cookie) {
        EXPECT_TRUE(test::eventually([&] {
            read();
            return reports_.contains(cookie);
        }));
        return reports_[cookie];
    }

    Fd events_ = open_destroy_events(1 << 20);
    Fd listener_ = test::listen_somewhere();
    std::map<std::uint64_t, SocketReport> reports_;
};

constexpr std::size_t kRequest = 1234, kReply = 4321;

// Exchanges a request and a reply.
void talk(const Pair& pair) {
    ASSERT_TRUE(test::transfer(pair.client, pair.accepted, kRequest));
    ASSERT_TRUE(test::transfer(pair.accepted, pair.client, kReply));
}

}  // namespace

// The client leaves first: who it was, both byte counts to the byte (its FIN as one more), everything read.
TEST_F(DestroyEventsTest, ClientCloses) {
    Pair pair = test::make_pair(listener_);
    const std::uint64_t cookie = socket_cookie(pair.accepted.get());
    const Endpoint client = local_endpoint(pair.client.get());
    talk(pair);
    pair.client.reset();
    EXPECT_EQ(test::receive_all(pair.accepted), "");
    pair.accepted.reset();

    const SocketReport report = report_of(cookie);
    EXPECT_EQ(report.local, local_endpoint(listener_.get()));
    EXPECT_EQ(report.remote, client);
    EXPECT_TRUE(report.has_info);
    EXPECT_TRUE(report.fin_acknowledged);
    EXPECT_FALSE(report.timed_out);
    EXPECT_EQ(report.received, kRequest + 1);
    EXPECT_EQ(report.sent, kReply);
    EXPECT_EQ(report.unread, 0u);
}

// The handler leaves first: the counts are as exact, and the client's FIN is what it never read.
TEST_F(DestroyEventsTest, HandlerCloses) {
    Pair pair = test::make_pair(listener_);
    const std::uint64_t cookie = socket_cookie(pair.accepted.get());
    talk(pair);
    pair.accepted.reset();
    EXPECT_EQ(test::receive_all(pair.client), "");
    read();
    EXPECT_FALSE(reports_.contains(cookie)) << "the kernel still waits for the client's goodbye";
    pair.client.reset();

    const SocketReport report = report_of(cookie);
    EXPECT_TRUE(report.has_info);
    EXPECT_TRUE(report.fin_acknowledged);
    EXPECT_EQ(report.received, kRequest + 1);
    EXPECT_EQ(report.sent, kReply);
    EXPECT_EQ(report.unread, 1u);
}

// The client resets: the counts are exact and nobody said goodbye.
TEST_F(DestroyEventsTest, ClientResets) {
    Pair pair = test::make_pair(listener_);
    const std::uint64_t cookie = socket_cookie(pair.accepted.get());
    talk(pair);
    test::reset(pair.client);
    EXPECT_EQ(test::receive_all(pair.accepted), "");
    pair.accepted.reset();

    const SocketReport report = report_of(cookie);
    EXPECT_TRUE(report.has_info);
    EXPECT_FALSE(report.fin_acknowledged);
    EXPECT_FALSE(report.timed_out);
    EXPECT_EQ(report.received, kRequest);
    EXPECT_EQ(report.sent, kReply);
    EXPECT_EQ(report.unread, 0u);
    EXPECT_GT(report.segments_in, 0u);
}

// The handler closes with unread bytes, which resets the client: the report says what was left unread.
TEST_F(DestroyEventsTest, HandlerLeavesBytesUnread) {
    Pair pair = test::make_pair(listener_);
    const std::uint64_t cookie = socket_cookie(pair.accepted.get());
    talk(pair);
    test::send_all(pair.client, "never read");
    ASSERT_TRUE(test::eventually([&] { return test::is_readable(pair.accepted); }));
    pair.accepted.reset();

    const SocketReport report = report_of(cookie);
    EXPECT_FALSE(report.fin_acknowledged);
    EXPECT_EQ(report.received, kRequest + 10);
    EXPECT_EQ(report.sent, kReply);
    EXPECT_GT(report.unread, 0u);
}

// The handler resets by SO_LINGER 0: the kernel clears its counters, which is how it can be told.
TEST_F(DestroyEventsTest, HandlerResets) {
    Pair pair = test::make_pair(listener_);
    const std::uint64_t cookie = socket_cookie(pair.accepted.get());
    talk(pair);
    test::reset(pair.accepted);

    const SocketReport report = report_of(cookie);
    EXPECT_FALSE(report.fin_acknowledged);
    EXPECT_TRUE(report.unread > 0 || report.segments_in == 0);
}

// Many connections, each with its own amount: not one byte is lost or counted twice.
TEST_F(DestroyEventsTest, CountsEveryByte) {
    std::map<std::uint64_t, std::pair<std::size_t, std::size_t>> wanted;
    for (std::size_t i = 0; i < 100; ++i) {
        Pair pair = test::make_pair(listener_);
        const std::size_t request = i * 37 % 1000, reply = i * 9991;
        wanted[socket_cookie(pair.accepted.get())] = {request, reply};
        ASSERT_TRUE(test::transfer(pair.client, pair.accepted, request));
        ASSERT_TRUE(test::transfer(pair.accepted, pair.client, reply));
        if (i % 2) pair.client.reset();
        if (i % 2) test::receive_all(pair.accepted);
        pair.accepted.reset();
    }
    for (const auto& [cookie, bytes] : wanted) {
        const SocketReport report = report_of(cookie);
        EXPECT_EQ(report.received, bytes.first + 1);
        EXPECT_EQ(report.sent, bytes.second);
    }
}

// The kernel passes on the ends of our ports only.
TEST_F(DestroyEventsTest, FilterKeepsOnlyOurPorts) {
    const Fd other = test::listen_somewhere();
    for (int i = 0; i < 20; ++i) {
        Pair foreign = test::make_pair(other);
        test::reset(foreign.accepted);
        Pair ours = test::make_pair(listener_);
        const std::uint64_t cookie = socket_cookie(ours.accepted.get());
        test::reset(ours.accepted);
        report_of(cookie);
    }
    EXPECT_EQ(reports_.size(), 20u);
    for (const auto& [cookie, report] : reports_) EXPECT_EQ(report.local.port, test::port_of(listener_));
}

// A filter of many intervals, and one with too many to filter, both let our ports through.
TEST_F(DestroyEventsTest, FilterHoldsManyIntervals) {
    const std::uint16_t port = test::port_of(listener_);
    for (const unsigned count : {999u, 1000u, 1001u, 2000u}) {
        std::vector<PortInterval> intervals{{port, port}};
        for (unsigned i = 0; i + 1 < count; ++i)
            intervals.push_back({static_cast<std::uint16_t>(1 + 2 * i), static_cast<std::uint16_t>(1 + 2 * i)});
        ASSERT_FALSE(filter_destroy_events(events_.get(), merge_intervals(intervals))) << count;
        Pair pair = test::make_pair(listener_);
        const std::uint64_t cookie = socket_cookie(pair.accepted.get());
        test::reset(pair.accepted);
        report_of(cookie);
    }
}

// The kernel has no room for a filter of so many intervals: a coarser one, or none, takes the place of the old one, and
// our ports come through.
TEST_F(DestroyEventsTest, FilterFitsIntoLittleMemory) {
    const Fd other = test::listen_somewhere();
    std::vector<PortInterval> intervals{interval_of(listener_)[0], interval_of(other)[0]};
    for (std::uint16_t port = 1; port < 2000; port = static_cast<std::uint16_t>(port + 2))
        intervals.push_back({port, port});
    intervals = merge_intervals(std::move(intervals));
    for (const unsigned instructions : {1000u, 200u, 10u, 0u}) {
        ASSERT_FALSE(filter_destroy_events(events_.get(), interval_of(listener_)));
        const test::FilterLimit limit(instructions);
        ASSERT_FALSE(filter_destroy_events(events_.get(), intervals));
        Pair pair = test::make_pair(other);
        const std::uint64_t cookie = socket_cookie(pair.accepted.get());
        test::reset(pair.accepted);
        report_of(cookie);
    }
}

// A dual-stack listener's connections are announced in the IPv6 group, with their IPv4 client as IPv4.
TEST_F(DestroyEventsTest, AnnouncesDualStackConnections) {
    const Fd every = open_tcp_listener({{}, 0}, {}, 10);
    ASSERT_FALSE(join_destroy_events(events_.get(), DestroyGroup::ipv6));
    ASSERT_FALSE(filter_destroy_events(events_.get(), interval_of(every)));
    for (const char* address : {"127.0.0.1", "::1"}) {
        Fd client = test::connect_to({*parse_address(address), test::port_of(every)});
        Fd accepted = test::accept_from(every);
        const std::uint64_t cookie = socket_cookie(accepted.get());
        const Endpoint remote = local_endpoint(client.get());
        accepted.reset();
        client.reset();
        EXPECT_EQ(report_of(cookie).remote, remote);
    }
}

// Announcements that did not fit are not lost in silence.
TEST(DestroyEvents, OverrunIsAnError) {
    const Fd events = open_destroy_events(1);
    const Fd listener = test::listen_somewhere();
    const std::uint16_t port = test::port_of(listener);
    ASSERT_FALSE(join_destroy_events(events.get(), DestroyGroup::ipv4));
    ASSERT_FALSE(filter_destroy_events(events.get(), std::vector<PortInterval>{{port, port}}));
    EXPECT_TRUE(test::eventually([&] {
        for (int i = 0; i < 50; ++i) {
            Pair pair = test::make_pair(listener);
            test::reset(pair.accepted);
        }
        return read_destroy_events(events.get(), 100000, [](const SocketReport&) {}) == std::errc::no_buffer_space;
    }));
}

// No more than the budget is read at once, and the rest stays.
TEST_F(DestroyEventsTest, KeepsToItsBudget) {
    for (int i = 0; i < 3; ++i) {
        Pair pair = test::make_pair(listener_);
        test::reset(pair.accepted);
    }
    unsigned seen = 0;
    EXPECT_TRUE(test::eventually([&] {
        unsigned now = 0;
        read_destroy_events(events_.get(), 1, [&](const SocketReport&) { ++now; });
        EXPECT_LE(now, 1u);
        return (seen += now) == 3;
    }));
}

}  // namespace portier::net
