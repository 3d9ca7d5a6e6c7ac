#include "desk/accounting.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "desk/accounting_case.hpp"
#include "support/log_capture.hpp"
#include "support/random.hpp"

namespace portier::desk {

namespace {

using metrics::Closed;
using test::Pair;

constexpr std::size_t kRequest = 1234, kReply = 54321;

// The ways in which a connection ends, with what must be counted for them.
struct Ending {
    const char* name;
    void (*end)(Pair& pair);
    Closed reason;
    std::size_t unread = 0;  // bytes that the client sends at last and the handler never reads
    bool cleared = false;    // the kernel clears its counters
};

void client_closes(Pair& pair) {
    pair.client.reset();
    test::receive_all(pair.accepted);
    pair.accepted.reset();
}
void client_says_goodbye_first(Pair& pair) {
    ::shutdown(pair.client.get(), SHUT_WR);
    test::receive_all(pair.accepted);
    pair.accepted.reset();
    test::receive_all(pair.client);
    pair.client.reset();
}
void handler_closes(Pair& pair) {
    pair.accepted.reset();
    test::receive_all(pair.client);
    pair.client.reset();
}
void client_resets(Pair& pair) {
    test::reset(pair.client);
    test::receive_all(pair.accepted);
    pair.accepted.reset();
}
void handler_leaves_bytes_unread(Pair& pair) {
    test::send_all(pair.client, "never read");
    ASSERT_TRUE(test::eventually([&] { return test::is_readable(pair.accepted); }));
    pair.accepted.reset();
}
void handler_resets(Pair& pair) {
    test::reset(pair.accepted);
}

constexpr Ending kEndings[]{
    {"client closes", client_closes, Closed::client_close},
    {"client says goodbye first", client_says_goodbye_first, Closed::client_close},
    {"handler closes", handler_closes, Closed::handler_close},
    {"client resets", client_resets, Closed::client_reset},
    {"handler leaves bytes unread", handler_leaves_bytes_unread, Closed::handler_reset, 10},
    {"handler resets", handler_resets, Closed::handler_reset, 0, true},
};

class AccountingTest : public test::AccountingCase {};

}  // namespace

// What each combination of the kernel's words means.
TEST(CloseReason, Table) {
    const struct {
        net::SocketReport report;
        Closed reason;
        std::uint64_t received;
    } cases[]{
        {{.has_info = false}, Closed::unknown, 0},
        {{.has_info = true, .fin_acknowledged = true, .received = 11, .segments_in = 5}, Closed::client_close, 10},
        {{.has_info = true, .fin_acknowledged = true, .received = 1, .segments_in = 5}, Closed::client_close, 0},
        {{.has_info = true, .fin_acknowledged = true, .received = 11, .unread = 1, .segments_in = 5},
         Closed::handler_close,
         10},
        {{.has_info = true, .fin_acknowledged = true, .received = 11, .unread = 11, .segments_in = 5},
         Closed::handler_close,
         10},
        // The client never said goodbye, the kernel gave up waiting: no FIN is in the count.
        {{.has_info = true, .fin_acknowledged = true, .received = 10, .since_last_ack_ms = 30'000, .segments_in = 5},
         Closed::handler_close,
         10},
        {{.has_info = true, .fin_acknowledged = true, .received = 0, .segments_in = 5}, Closed::client_close, 0},
        {{.has_info = true, .timed_out = true, .received = 10, .segments_in = 5}, Closed::timeout, 10},
        {{.has_info = true, .timed_out = true, .received = 10, .unread = 3, .segments_in = 5}, Closed::timeout, 10},
        {{.has_info = true, .received = 10, .unread = 3, .segments_in = 5}, Closed::handler_reset, 10},
        {{.has_info = true, .received = 0, .segments_in = 0}, Closed::handler_reset, 0},
        {{.has_info = true, .received = 10, .segments_in = 5}, Closed::client_reset, 10},
    };
    for (const auto& c : cases) {
        const std::ptrdiff_t line = &c - cases;
        EXPECT_EQ(close_reason(c.report), c.reason) << "case " << line;
        EXPECT_EQ(received_bytes(c.report), c.received) << "case " << line;
    }
}

// Each way to end is counted once with its reason, the exact bytes, a duration, and the end for its process.
TEST_F(AccountingTest, CountsHowConnectionsEnd) {
    start(open_events());
    std::uint64_t count = 0, received = 0, sent = 0;
    for (const Ending& ending : kEndings) {
        const std::uint64_t before = closed(ending.reason);
        Pair pair = handed_over();
        ASSERT_TRUE(test::transfer(pair.client, pair.accepted, kRequest));
        ASSERT_TRUE(test::transfer(pair.accepted, pair.client, kReply));
        EXPECT_EQ(row().active(), 1u);
        ending.end(pair);
        ASSERT_TRUE(run_until_closed(++count)) << ending.name;
        EXPECT_EQ(closed(ending.reason), before + 1) << ending.name;
        received += ending.cleared ? 0 : kRequest + ending.unread;
        sent += ending.cleared ? 0 : kReply;
        EXPECT_EQ(row().received_bytes.get(), received) << ending.name;
        EXPECT_EQ(row().sent_bytes.get(), sent) << ending.name;
        EXPECT_EQ(process().ended.get(), count);
        EXPECT_EQ(process().active(), 0u);
    }
    std::uint64_t durations = 0;
    for (const metrics::Counter& bucket : row().duration.buckets) durations += bucket.get();
    EXPECT_EQ(durations, count);
    EXPECT_EQ(row().active(), 0u);
    EXPECT_EQ(board_->ledger_size.load(), 0u);
}

// Many connections with random amounts that end at random: every sum is exact.
TEST_F(AccountingTest, CountsEveryByte) {
    test::Random random;
    start(open_events());
    std::map<Closed, std::uint64_t> reasons;
    std::uint64_t received = 0, sent = 0;
    std::vector<Pair> open;
    for (int i = 0; i < 300; ++i) {
        Pair pair = handed_over(random.between(0, 1) ? kProcess : kOther);
        const Ending& ending = kEndings[random.between(0, std::size(kEndings) - 1)];
        const std::size_t request = random.between(0, 20'000), reply = random.between(0, 20'000);
        ASSERT_TRUE(test::transfer(pair.client, pair.accepted, request));
        ASSERT_TRUE(test::transfer(pair.accepted, pair.client, reply));
        received += ending.cleared ? 0 : request + ending.unread;
        sent += ending.cleared ? 0 : reply;
        ++reasons[ending.reason];
        ending.end(pair);
        if (random.between(0, 9) == 0) io_.poll();
    }
    ASSERT_TRUE(run_until_closed(300));
    for (const auto& [reason, count] : reasons) EXPECT_EQ(closed(reason), count) << static_cast<int>(reason);
    EXPECT_EQ(row().received_bytes.get(), received);
    EXPECT_EQ(row().sent_bytes.get(), sent);
    EXPECT_EQ(process(kProcess).active() + process(kOther).active(), 0u);
}

// A connection that a dead process had not taken belongs to the next one, and ends once.
TEST_F(AccountingTest, HandedOnToAnotherProcess) {
    start(open_events());
    Pair pair = handed_over(kProcess);
    hand_on(pair.accepted, kOther);
    client_closes(pair);
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_EQ(process(kProcess).ended.get(), 1u);
    EXPECT_EQ(process(kOther).ended.get(), 1u);
    EXPECT_EQ(process(kProcess).active() + process(kOther).active(), 0u);
    EXPECT_EQ(row().active(), 0u);
}

// Connections that come and stay do not fill the queue of records, and are all in the ledger.
TEST_F(AccountingTest, TakesRecordsWithoutAnyEnd) {
    start(open_events());
    for (std::uint64_t cookie = 1; cookie <= 100; ++cookie) board_->handovers.push({cookie, 1, kProcess, kRow});
    EXPECT_TRUE(test::run_until(io_, [&] { return board_->ledger_size.load() == 100; }));
    EXPECT_EQ(board_->handovers.read.load(), 100u);
}

// What the router refused was never handed over, so its end is not one of a connection.
TEST_F(AccountingTest, RefusedConnectionsDoNotEnd) {
    start(open_events());
    Pair refused = test::make_pair(listener_);
    test::reset(refused.accepted);
    Pair pair = handed_over();
    test::reset(pair.accepted);
    ASSERT_TRUE(run_until_closed(1));
    test::run_ready(io_);
    EXPECT_EQ(row().total_closed(), 1u);
    EXPECT_EQ(row().seen.get(), 0u);
}

// Connections outlive their port: their ends are counted for it although no plan names it any more.
TEST_F(AccountingTest, CountsConnectionsOfARemovedPort) {
    start(open_events());
    Pair pair = handed_over();
    ASSERT_TRUE(test::transfer(pair.client, pair.accepted, kRequest));
    const auto ports = std::exchange(plan_.ports, {});
    accounting_->apply(plan_, {});
    client_closes(pair);
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_EQ(closed(Closed::client_close), 1u);
    EXPECT_EQ(row().received_bytes.get(), kRequest);
    EXPECT_EQ(process().active(), 0u);
}

// The desk hears of ends where it counts per source, with the port's row and the client's address, and else not.
TEST_F(AccountingTest, TellsOfSourcesWhereTheyAreCounted) {
    start(open_events());
    Pair first = handed_over();
    test::reset(first.accepted);
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_TRUE(sources_.empty());

    plan_.ports[0].admission.max_connections_per_source = 5;
    accounting_->apply(plan_, {});
    Pair second = handed_over();
    test::reset(second.accepted);
    ASSERT_TRUE(run_until_closed(2));
    ASSERT_EQ(sources_.size(), 1u);
    EXPECT_EQ(sources_[0].first, kRow);
    EXPECT_EQ(sources_[0].second, test::kLoopback);
}

// With `log: {connections: true}` each connection is one line at its end that says all about it.
TEST_F(AccountingTest, LogsConnections) {
    const test::LogCapture log;
    plan_.log_connections = true;
    start(open_events());
    Pair pair = handed_over();
    const std::string client = net::to_string(net::local_endpoint(pair.client.get()));
    ASSERT_TRUE(test::transfer(pair.client, pair.accepted, kRequest));
    ASSERT_TRUE(test::transfer(pair.accepted, pair.client, kReply));
    handler_closes(pair);
    ASSERT_TRUE(run_until_closed(1));
    const auto lines = log.lines_with("connection");
    ASSERT_EQ(lines.size(), 1u);
    const boost::json::value line = boost::json::parse(lines[0]);
    EXPECT_EQ(line.at("port").as_string(), "street");
    EXPECT_EQ(line.at("handler").as_string(), "veg");
    EXPECT_EQ(line.at("process").to_number<int>(), 1);
    EXPECT_EQ(line.at("delivery").as_string(), "handoff");
    EXPECT_EQ(line.at("client").as_string(), client);
    EXPECT_EQ(line.at("local").as_string(), net::to_string(net::local_endpoint(listener_.get())));
    EXPECT_EQ(line.at("received").to_number<std::size_t>(), kRequest);
    EXPECT_EQ(line.at("sent").to_number<std::size_t>(), kReply);
    EXPECT_LT(line.at("duration").to_number<double>(), 30);
    EXPECT_EQ(line.at("reason").as_string(), "handler_close");
}

// Another netlink socket takes the place of the first.
TEST_F(AccountingTest, ReadsTheNewestEvents) {
    start(open_events());
    Pair first = handed_over();
    test::reset(first.accepted);
    ASSERT_TRUE(run_until_closed(1));
    accounting_->apply(plan_, open_events());
    Pair second = handed_over();
    test::reset(second.accepted);
    EXPECT_TRUE(run_until_closed(2));
}

// A kernel without the events, or a sandbox that forbids them.
TEST_F(AccountingTest, FindsEndsByDumpsWithoutEvents) {
    start(Fd());
    Pair lives = handed_over();
    for (std::uint64_t count = 1; count <= 2; ++count) {
        Pair ends = handed_over();
        test::reset(ends.accepted);
        EXPECT_TRUE(run_until_closed(count));
    }
    EXPECT_EQ(closed(Closed::unknown), 2u);
    EXPECT_EQ(row().active(), 1u);
    EXPECT_EQ(board_->globals.accounting_resyncs.get(), 0u);
}

}  // namespace portier::desk
