#include "delivery/relay/pair.hpp"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "base/clock.hpp"
#include "delivery/relay/backends.hpp"
#include "net/socket.hpp"

namespace portier::delivery {

namespace {

constexpr std::size_t kLingeringBudget = 64 * 1024;
// For the bytes that a side sent before it reset the connection to reach the other side.
constexpr std::uint64_t kLingerMs = 10'000;
constexpr std::uint32_t kLongestLookPauseMs = 1000;

void close_with_reset(Fd& socket) {
    net::reset_on_close(socket.get());
    socket.reset();
}

RelayPair::Side other(RelayPair::Side side) {
    return side == RelayPair::client ? RelayPair::backend : RelayPair::client;
}

metrics::Closed reset_reason(RelayPair::Side side, int error) {
    // Retransmissions or probes without an answer; a router on the way may have said why (tcp(7)).
    if (error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH) return metrics::Closed::timeout;
    return side == RelayPair::client ? metrics::Closed::client_reset : metrics::Closed::handler_reset;
}

}  // namespace

void RelayPair::start(std::uint64_t now_ms) {
    active_ms_ = now_ms;
    auto attempt = net::begin_connect(ticket_->backend->destination, ticket_->source);
    if (attempt.error) return fail(attempt.error.value());
    ends_[client].socket = std::move(ticket_->accepted.socket);
    ends_[backend].socket = std::move(attempt.socket);
    // A read stops behind what came with descriptors (unix(7)), and nothing announces what lies behind that.
    ends_[backend].read_all = ticket_->backend->destination.address.ss_family == AF_UNIX;
}

void RelayPair::fail(int error) {
    if (ends_[client].socket) ticket_->accepted.socket = std::move(ends_[client].socket);
    ends_[backend].socket.reset();
    ticket_->error = error;
    ticket_->client_is_gone = ends_[client].error != 0;
    state_ = State::not_connected;
}

void RelayPair::note(Side side, std::uint32_t events) {
    RelayEnd& end = ends_[side];
    constexpr std::uint32_t kOver = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if (events & (EPOLLIN | EPOLLPRI | kOver)) end.readable = true;
    if (events & (EPOLLOUT | kOver)) end.writable = true;
    if (events & (EPOLLPRI | kOver)) end.read_all = true;
    // Asked here, because a write that fails would take the error away and the next read would find a peaceful end.
    const bool connected = side == client || state_ != State::connecting;
    if ((events & EPOLLERR) && connected && !end.error) end.error = net::connect_result(end.socket.get());
}

bool RelayPair::turn(RelaySupplies& supplies, std::uint64_t now_ms, std::size_t budget) {
    if (state_ == State::connecting && ends_[backend].writable) finish_connecting(supplies, now_ms);
    if (state_ != State::moving && state_ != State::lingering) return false;
    const bool more = move(supplies, now_ms, budget);
    settle(supplies, now_ms);
    return more && !over();
}

void RelayPair::finish_connecting(RelaySupplies& supplies, std::uint64_t now_ms) {
    const int error = ends_[backend].read_all ? net::connect_result(ends_[backend].socket.get()) : 0;
    // Reset means that it had been connected: the backend may have sent something first.
    const bool was_connected = error == ECONNRESET || error == EPIPE;
    if (error && !was_connected) return fail(error);
    ends_[backend].error = error;
    ticket_->connected_us = monotonic_microseconds();
    streams_[client].begin_with(std::exchange(ticket_->header, {}), supplies);
    active_ms_ = now_ms;
    state_ = State::moving;
}

bool RelayPair::move(RelaySupplies& supplies, std::uint64_t now_ms, std::size_t budget) {
    const auto moved = [this] {
        return streams_[0].read_bytes() + streams_[0].written_bytes() + streams_[1].read_bytes() +
               streams_[1].written_bytes();
    };
    const std::uint64_t before = moved();
    bool more = false;
    for (const Side side : {client, backend}) {
        const auto step = streams_[side].move(ends_[side], ends_[other(side)], supplies, budget);
        more |= step == RelayStream::Step::again;
        if (streams_[side].source_ended() && !first_fin_) first_fin_ = side;
        if (step == RelayStream::Step::finished) pass_on_fin(side);
    }
    if (moved() != before) active_ms_ = now_ms;
    return more;
}

void RelayPair::pass_on_fin(Side from) {
    if (ends_[from].error || std::exchange(fin_passed_on_[from], true)) return;
    if (fin_passed_on_[other(from)]) return;  // both: closing says the same
    ::shutdown(ends_[other(from)].socket.get(), SHUT_WR);
}

// Whether it is over, and how.
void RelayPair::settle(RelaySupplies& supplies, std::uint64_t now_ms) {
    if (!first_error_)
        for (const Side side : {client, backend})
            if (ends_[side].error && !first_error_) first_error_ = side;
    if (!first_error_) {
        const bool both = fin_passed_on_[client] && fin_passed_on_[backend];
        if (both) end(*first_fin_ == client ? metrics::Closed::client_close : metrics::Closed::handler_close, supplies);
        return;
    }
    const Side survivor = other(*first_error_);
    if (!linger_until_ms_) linger_until_ms_ = now_ms + kLingerMs;
    const bool delivered = streams_[*first_error_].finished() && is_acknowledged(survivor);
    if (!delivered && !ends_[survivor].error && now_ms < linger_until_ms_) {
        state_ = State::lingering;
        next_look_ms_ = now_ms + look_pause_ms_;
        return;
    }
    close_with_reset(ends_[survivor].socket);
    end(reset_reason(*first_error_, ends_[*first_error_].error), supplies);
}

// The other machine has everything that was written: a reset takes nothing away any more.
bool RelayPair::is_acknowledged(Side side) const {
    int waiting = 0;
    return ::ioctl(ends_[side].socket.get(), SIOCOUTQ, &waiting) < 0 || waiting == 0;
}

RelaySupplies::Lent RelayPair::lent() const {
    RelaySupplies::Lent lent;
    for (const RelayStream& stream : streams_) {
        lent.buffers += stream.has_buffer();
        lent.pipes += stream.has_pipe();
    }
    return lent;
}

std::uint64_t RelayPair::deadline_ms() const {
    if (state_ == State::lingering) return next_look_ms_;
    std::uint64_t patience = 0;
    if (state_ == State::connecting) patience = ticket_->connect_timeout_ms;
    if (state_ == State::moving) patience = ticket_->idle_timeout_ms;
    return patience ? active_ms_ + patience : 0;
}

void RelayPair::on_deadline(RelaySupplies& supplies, std::uint64_t now_ms) {
    if (deadline_ms() == 0 || deadline_ms() > now_ms) return;
    if (state_ == State::connecting) return fail(ETIMEDOUT);
    if (state_ == State::lingering) {
        look_pause_ms_ = std::min(look_pause_ms_ * 2, kLongestLookPauseMs);
        turn(supplies, now_ms, kLingeringBudget);
        return;
    }
    end(metrics::Closed::idle, supplies);
}

void RelayPair::end(metrics::Closed reason, RelaySupplies& supplies) {
    for (RelayStream& stream : streams_) stream.release(supplies);
    const bool cut = reason == metrics::Closed::unknown;
    for (const Side side : {client, backend}) {
        const bool was_told_the_end = fin_passed_on_[other(side)];
        if (cut && !was_told_the_end) close_with_reset(ends_[side].socket);
        ends_[side].socket.reset();
    }
    ticket_->reason = reason;
    ticket_->received = streams_[client].read_bytes();
    ticket_->sent = streams_[backend].written_bytes();
    state_ = State::ended;
}

}  // namespace portier::delivery
