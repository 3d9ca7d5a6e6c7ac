// One relayed connection on its thread: the client's socket, the backend's, and a stream each way. Passes on how each
// side ends: a FIN after everything before it, a reset after the other side has acknowledged everything before it.
// Relay thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "delivery/relay/stream.hpp"
#include "delivery/relay/ticket.hpp"
#include "delivery/relay/timer_wheel.hpp"

namespace portier::delivery {

class RelayPair : public TimerWheel::Item {
public:
    enum Side : unsigned { client = 0, backend = 1 };
    enum class State {
        connecting,
        moving,
        lingering,      // a side was reset and the other one has not acknowledged everything yet
        not_connected,  // over, the ticket has the client's socket
        ended,          // over, the ticket has the result
    };

    explicit RelayPair(std::unique_ptr<RelayTicket> ticket) : ticket_(std::move(ticket)) {}

    // Begins to connect. Afterwards both sockets are there to be watched, unless it is over.
    void start(std::uint64_t now_ms);
    // What epoll (edge-triggered, IN, OUT, PRI and RDHUP) says of a side; acted upon by turn().
    void note(Side side, std::uint32_t events);
    // Moves what can be moved now, `budget` bytes each way. True: there is more to do without any event.
    bool turn(RelaySupplies& supplies, std::uint64_t now_ms, std::size_t budget);
    // deadline_ms() has come: too long without a connection or a byte, or time to look again while it lingers.
    void on_deadline(RelaySupplies& supplies, std::uint64_t now_ms);
    // Before anything was moved: it is over, and the ticket has the client's socket.
    void fail(int error);
    // Ends it, whatever it is doing. Reason `unknown`: it is cut, so who still waits for an end sees a reset, because a
    // peaceful one would look like the end of what the other side had to say.
    void end(metrics::Closed reason, RelaySupplies& supplies);

    State state() const { return state_; }
    bool over() const { return state_ == State::not_connected || state_ == State::ended; }
    // When on_deadline() should be called; 0: never.
    std::uint64_t deadline_ms() const;
    int socket(Side side) const { return ends_[side].socket.get(); }
    // Borrowed ones, which it takes along when it goes to another loop.
    RelaySupplies::Lent lent() const;
    const RelayTicket& ticket() const { return *ticket_; }
    std::unique_ptr<RelayTicket> take_ticket() { return std::move(ticket_); }  // when it is over

    bool queued = false;  // for a turn

private:
    void finish_connecting(RelaySupplies& supplies, std::uint64_t now_ms);
    bool move(RelaySupplies& supplies, std::uint64_t now_ms, std::size_t budget);
    void pass_on_fin(Side from);
    void settle(RelaySupplies& supplies, std::uint64_t now_ms);
    bool is_acknowledged(Side side) const;

    std::unique_ptr<RelayTicket> ticket_;
    std::array<RelayEnd, 2> ends_;
    std::array<RelayStream, 2> streams_;  // by the side that they read from
    std::array<bool, 2> fin_passed_on_{};
    std::optional<Side> first_fin_, first_error_;
    State state_ = State::connecting;
    std::uint64_t active_ms_ = 0;        // a byte was moved last; while connecting: begin
    std::uint64_t linger_until_ms_ = 0;  // 0: nobody was reset
    std::uint64_t next_look_ms_ = 0;     // while it lingers
    std::uint32_t look_pause_ms_ = 25;
};

}  // namespace portier::delivery
