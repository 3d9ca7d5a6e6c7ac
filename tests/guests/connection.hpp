// Connection is the state of one TCP connection or UDP flow, from the client's side. Plain data in a table that is
// made once; its place in the table is its slot. Owned by a Mode, moved forward by Caller.
#pragma once

#include <cstdint>

#include "base/fd.hpp"

namespace portier::guests {

enum class State : std::uint8_t {
    closed,
    connecting,  // connect(2) is under way and nothing else is
    idle,        // open, waiting for nothing
    asking,      // a request is being sent or its answer awaited; stream: bytes are flowing
    resting,     // closed; waits a little before the next attempt
};

struct Connection {
    Fd fd;
    State state = State::closed;
    bool established = false;
    std::uint32_t watched = 0;  // the epoll events that it is registered for
    std::uint32_t slot = 0;
    std::uint32_t id = 0;  // unique over all processes of a run
    std::uint32_t sequence = 0;
    std::uint64_t sent = 0;        // bytes of the request under way
    std::uint64_t received = 0;    // bytes of its answer
    std::int64_t begun_ns = 0;     // when the operation under way was to begin
    std::int64_t deadline_ns = 0;  // when it is given up; 0: never

    void close() {
        fd.reset();
        state = State::closed;
        established = false;
        watched = 0;
        deadline_ns = 0;
    }
};

}  // namespace portier::guests
