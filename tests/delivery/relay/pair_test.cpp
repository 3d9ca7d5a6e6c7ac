#include "delivery/relay/pair.hpp"

#include <sys/epoll.h>

#include "delivery/relay/relay_case.hpp"
#include "net/channel.hpp"
#include "support/folder.hpp"

namespace portier::delivery {

namespace {

using State = RelayPair::State;

class RelayPairTest : public test::RelayCase {
protected:
    // Says what epoll would say, and gives it its turn.
    void turn(RelayPair& pair) {
        for (const auto side : {RelayPair::client, RelayPair::backend}) {
            pollfd socket{pair.socket(side), POLLIN | POLLOUT | POLLRDHUP, 0};
            if (socket.fd >= 0 && ::poll(&socket, 1, 0) > 0)
                pair.note(side, static_cast<std::uint16_t>(socket.revents));
        }
        pair.turn(supplies_, now_ms_, 1 << 20);
    }
    bool turn_until(RelayPair& pair, State state) {
        return test::eventually([&] {
            if (!pair.over()) turn(pair);
            return pair.state() == state;
        });
    }

    // A connected one, with the far end that the backend accepted.
    std::unique_ptr<RelayPair> connected_pair(std::uint64_t idle_timeout_ms = 0) {
        auto order = ticket(client_);
        order->idle_timeout_ms = idle_timeout_ms;
        auto pair = std::make_unique<RelayPair>(std::move(order));
        pair->start(now_ms_);
        EXPECT_TRUE(turn_until(*pair, State::moving));
        far_ = test::accept_from(back_);
        return pair;
    }

    metrics::Closed reason(RelayPair& pair) { return pair.take_ticket()->reason; }

    RelaySupplies supplies_;
    std::uint64_t now_ms_ = 1000;
    Fd client_, far_;
};

}  // namespace

TEST_F(RelayPairTest, MovesBothWaysAndPassesOnTheEnds) {
    auto pair = connected_pair();
    test::send_all(client_, "question");
    ::shutdown(client_.get(), SHUT_WR);
    turn(*pair);
    EXPECT_EQ(test::receive_all(far_), "question") << "with the end";
    test::send_all(far_, "answer!");
    far_.reset();
    ASSERT_TRUE(turn_until(*pair, State::ended));
    EXPECT_EQ(test::receive_all(client_), "answer!");
    const auto result = pair->take_ticket();
    EXPECT_EQ(result->reason, metrics::Closed::client_close);
    EXPECT_EQ(result->received, 8u);
    EXPECT_EQ(result->sent, 7u);
    EXPECT_EQ(supplies_.buffers_out() + supplies_.pipes_out(), 0u);
}

// The client is untouched, so somebody else can serve it.
TEST_F(RelayPairTest, WhoIsNotConnectedComesBack) {
    const std::uint16_t nobody = test::port_of(test::listen_somewhere());
    RelayPair pair(ticket(client_, nobody));
    pair.start(now_ms_);
    ASSERT_TRUE(turn_until(pair, State::not_connected));
    const auto result = pair.take_ticket();
    EXPECT_EQ(result->error, ECONNREFUSED);
    test::send_all(result->accepted.socket, "still here");
    EXPECT_EQ(test::receive_exactly(client_, 10), "still here");
}

TEST_F(RelayPairTest, ConnectingHasADeadline) {
    RelayPair pair(ticket(client_));
    pair.start(now_ms_);
    ASSERT_EQ(pair.deadline_ms(), now_ms_ + 30'000);
    pair.on_deadline(supplies_, now_ms_ + 29'999);
    EXPECT_EQ(pair.state(), State::connecting);
    pair.on_deadline(supplies_, now_ms_ + 30'000);
    EXPECT_EQ(pair.state(), State::not_connected);
    EXPECT_EQ(pair.take_ticket()->error, ETIMEDOUT);
}

TEST_F(RelayPairTest, AnIdleOneEndsAndBytesPutThatOff) {
    auto pair = connected_pair(500);
    now_ms_ += 400;
    test::send_all(far_, "x");
    turn(*pair);
    pair->on_deadline(supplies_, now_ms_ + 499);
    EXPECT_EQ(pair->state(), State::moving);
    pair->on_deadline(supplies_, now_ms_ + 500);
    EXPECT_EQ(pair->state(), State::ended);
    EXPECT_EQ(reason(*pair), metrics::Closed::idle);
}

TEST_F(RelayPairTest, AResetFollowsTheBytesBeforeIt) {
    auto pair = connected_pair();
    test::send_all(client_, "last words");
    test::reset(client_);
    ASSERT_TRUE(test::eventually([&] {
        if (!pair->over()) turn(*pair);
        return pair->over();
    }));
    EXPECT_EQ(test::receive_exactly(far_, 10), "last words");
    EXPECT_EQ(test::end_of(far_), ECONNRESET);
    EXPECT_EQ(reason(*pair), metrics::Closed::client_reset);
}

// The backend was connected, said something and was gone before we looked.
TEST_F(RelayPairTest, ABackendThatResetsAtOnceWasConnected) {
    RelayPair pair(ticket(client_));
    pair.start(now_ms_);
    far_ = test::accept_from(back_);
    test::send_all(far_, "sorry");
    test::reset(far_);
    ASSERT_TRUE(turn_until(pair, State::ended));
    EXPECT_EQ(test::receive_exactly(client_, 5), "sorry");
    EXPECT_EQ(test::end_of(client_), ECONNRESET);
    EXPECT_EQ(reason(pair), metrics::Closed::handler_reset);
}

// Who never reads keeps a reset waiting only so long.
TEST_F(RelayPairTest, LingeringIsBounded) {
    auto pair = connected_pair();
    ::fcntl(client_.get(), F_SETFL, O_NONBLOCK);
    const std::string piece(1 << 20, 'x');
    int refused = 0;
    ASSERT_TRUE(test::eventually([&] {
        refused = ::send(client_.get(), piece.data(), piece.size(), 0) < 0 ? refused + 1 : 0;
        turn(*pair);
        return refused > 20;
    }));
    test::reset(client_);
    ASSERT_TRUE(turn_until(*pair, State::lingering));
    while (pair->state() == State::lingering) {
        ASSERT_GT(pair->deadline_ms(), now_ms_);
        now_ms_ = pair->deadline_ms();
        pair->on_deadline(supplies_, now_ms_);
    }
    EXPECT_LE(now_ms_, 1000u + 12'000u);
    EXPECT_EQ(reason(*pair), metrics::Closed::client_reset);
    EXPECT_EQ(supplies_.buffers_out() + supplies_.pipes_out(), 0u);
}

// When it goes to another loop, the books of both are right.
TEST_F(RelayPairTest, WhatIsBorrowedComesAlong) {
    auto pair = connected_pair();
    const std::string piece(1 << 20, 'x');
    while (::send(client_.get(), piece.data(), piece.size(), MSG_DONTWAIT) > 0) {
    }
    ASSERT_TRUE(test::eventually([&] {  // until it splices
        pair->note(RelayPair::client, EPOLLIN);
        pair->note(RelayPair::backend, EPOLLOUT);
        pair->turn(supplies_, now_ms_, sizeof(RelaySupplies::Buffer));
        return pair->lent().pipes == 1;
    }));
    RelaySupplies others;
    supplies_.went_along(pair->lent());
    others.came_along(pair->lent());
    EXPECT_EQ(supplies_.buffers_out() + supplies_.pipes_out(), 0u);
    EXPECT_EQ(others.pipes_out(), 1u);
    pair->end(metrics::Closed::unknown, others);
    EXPECT_EQ(others.buffers_out() + others.pipes_out(), 0u);
}

// A read stops behind bytes that came with descriptors (unix(7)), and nothing announces what lies behind them.
TEST_F(RelayPairTest, DescriptorsFromAUnixBackendHoldNothingUp) {
    const test::Folder folder;
    const std::string path = folder / "far.sock";
    const Fd listener = test::listen_at(path, 1);
    auto order = ticket(client_);
    order->backend = std::make_shared<Backend>(test::kBackendRow, "far", net::destination(path));
    RelayPair pair(std::move(order));
    pair.start(now_ms_);
    ASSERT_TRUE(turn_until(pair, State::moving));
    far_ = test::accept_from(listener);
    const std::string_view text = "with one ";
    ASSERT_FALSE(net::send_message(far_.get(), std::as_bytes(std::span(text)), std::array{listener.get()}));
    test::send_all(far_, "and without");
    turn(pair);
    ::fcntl(client_.get(), F_SETFL, O_NONBLOCK);
    EXPECT_EQ(test::receive_exactly(client_, 20), "with one and without");
}

// A cut is no end: half an answer must not look whole, nor half a question.
TEST_F(RelayPairTest, WhoIsCutSeesAReset) {
    auto pair = connected_pair();
    test::send_all(far_, "half an ans");
    test::send_all(client_, "and half a que");
    turn(*pair);
    EXPECT_EQ(test::receive_exactly(client_, 11), "half an ans");
    EXPECT_EQ(test::receive_exactly(far_, 14), "and half a que");
    pair->end(metrics::Closed::unknown, supplies_);
    EXPECT_EQ(test::end_of(client_), ECONNRESET);
    EXPECT_EQ(test::end_of(far_), ECONNRESET);
}

TEST_F(RelayPairTest, ACutTakesNothingFromWhoWasToldTheEnd) {
    auto pair = connected_pair();
    test::send_all(far_, "the answer");
    ::shutdown(far_.get(), SHUT_WR);
    turn(*pair);
    pair->end(metrics::Closed::unknown, supplies_);
    EXPECT_EQ(test::receive_exactly(client_, 10), "the answer");
    EXPECT_EQ(test::end_of(client_), 0);
    EXPECT_EQ(test::end_of(far_), ECONNRESET) << "the client had not finished";
}

TEST_F(RelayPairTest, TheHeaderGoesFirst) {
    auto order = ticket(client_);
    for (const char letter : std::string("HEADER ")) order->header.push_back(static_cast<std::byte>(letter));
    test::send_all(client_, "data");
    RelayPair pair(std::move(order));
    pair.start(now_ms_);
    ASSERT_TRUE(turn_until(pair, State::moving));
    far_ = test::accept_from(back_);
    turn(pair);
    EXPECT_EQ(test::receive_exactly(far_, 11), "HEADER data");
    pair.end(metrics::Closed::unknown, supplies_);
    EXPECT_EQ(pair.take_ticket()->received, 4u) << "the header is not the client's";
}

}  // namespace portier::delivery
