// Accounting of connections whose client only a PROXY header told: the kernel knows the proxy.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "desk/accounting_case.hpp"
#include "desk/proxied_ledger.hpp"
#include "support/log_capture.hpp"

namespace portier::desk {

namespace {

using test::Pair;

const net::Address kAnna = *net::parse_address("192.0.2.1"), kBen = *net::parse_address("192.0.2.2");

class AccountingProxiedTest : public test::AccountingCase {
protected:
    AccountingProxiedTest() { plan_.ports[0].admission.max_connections_per_source = 5; }

    Pair proxied(const net::Address& client) {
        Pair pair = test::make_pair(listener_);
        row().accepted.add();
        process().sent.add();
        board_->handovers.push({.cookie = net::socket_cookie(pair.accepted.get()),
                                .accepted_ms = monotonic_milliseconds(),
                                .process = kProcess,
                                .port = kRow,
                                .ends = {.client_family = 4,
                                         .local_family = 4,
                                         .client_port = 1001,
                                         .local_port = 443,
                                         .header_size = 6,
                                         .client = client.bytes,
                                         .local = {203, 0, 113, 1}}});
        return pair;
    }
    // A router dies while these live.
    std::vector<Pair> live_through_a_crash() {
        start(events_again());
        std::vector<Pair> pairs;
        for (const net::Address& client : {kAnna, kAnna, kBen}) pairs.push_back(proxied(client));
        EXPECT_TRUE(test::run_until(io_, [&] { return board_->ledger_size.load() == 3; }));
        accounting_.reset();
        return pairs;
    }
    Fd events_again() const { return Fd(::fcntl(events_.get(), F_DUPFD_CLOEXEC, 0)); }

    Fd events_ = open_events();
};

}  // namespace

// The desk hears of the end of who was let in, and so does the log; nothing is left behind.
TEST_F(AccountingProxiedTest, TellsTheTrueClient) {
    test::LogCapture log;
    plan_.log_connections = true;
    start(events_again());
    Pair pair = proxied(kAnna);
    test::send_all(pair.client, "headerdata");
    EXPECT_EQ(test::receive_exactly(pair.accepted, 10), "headerdata");
    pair.client.reset();
    EXPECT_EQ(test::receive_all(pair.accepted), "");
    pair.accepted.reset();
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_EQ(row().received_bytes.get(), 4u) << "the header is none of the handler's";
    EXPECT_EQ(closed(Closed::client_close), 1u);
    EXPECT_EQ(sources_, (decltype(sources_){{kRow, kAnna}}));
    const auto lines = log.lines_with("connection");
    ASSERT_EQ(lines.size(), 1u);
    const boost::json::value line = boost::json::parse(lines[0]);
    EXPECT_EQ(line.at("port").as_string(), "street");
    EXPECT_EQ(line.at("client").as_string(), "192.0.2.1:1001");
    EXPECT_EQ(line.at("local").as_string(), "203.0.113.1:443");
    EXPECT_EQ(board_->proxied_size.load(), 0u);
}

// The next router's desk learns of the true sources, and their ends are told as theirs.
TEST_F(AccountingProxiedTest, OutlivesTheRouter) {
    auto pairs = live_through_a_crash();
    EXPECT_EQ(board_->proxied_size.load(), 3u);
    start(events_again());
    ASSERT_TRUE(test::run_until(io_, [&] { return found_.contains(kRow); }));
    EXPECT_EQ(found_[kRow], (SourceCounts{{kAnna, 2}, {kBen, 1}}));
    test::reset(pairs[2].accepted);
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_EQ(sources_, (decltype(sources_){{kRow, kBen}}));
    EXPECT_EQ(board_->proxied_size.load(), 2u);
}

// Where ends go unheard the true sources are counted, and who is given up is forgotten.
TEST_F(AccountingProxiedTest, CountsTheTrueSourcesAfterLostEvents) {
    start(Fd());
    const Pair lives = proxied(kAnna);
    Pair ends = proxied(kBen);
    test::reset(ends.accepted);
    ASSERT_TRUE(run_until_closed(1));
    EXPECT_EQ(counted_[kRow], (SourceCounts{{kAnna, 1}}));
    EXPECT_EQ(board_->proxied_size.load(), 1u);
}

// With no place left to remember the client, the desk stops counting it at once rather than for ever.
TEST_F(AccountingProxiedTest, BeyondTheBoundNobodyIsCounted) {
    start(events_again());
    board_->proxied_size.store(metrics::kMaxProxied);
    Pair pair = proxied(kAnna);
    ASSERT_TRUE(test::run_until(io_, [&] { return sources_.size() == 1; }));
    EXPECT_EQ(sources_[0].second, kAnna);
    test::reset(pair.accepted);
    ASSERT_TRUE(run_until_closed(1));
}

}  // namespace portier::desk
