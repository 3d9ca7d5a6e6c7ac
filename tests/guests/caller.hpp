// Caller makes one connection's system calls: open, ask, read and compare the answer. It counts connections, bytes
// and connect times; how operations end it returns, and the Mode counts that. It never sets SO_LINGER, which would
// hide resets. One process, one thread, no allocation after construction.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "connection.hpp"
#include "loop.hpp"
#include "options.hpp"
#include "pattern.hpp"
#include "sources.hpp"
#include "tally.hpp"

namespace portier::guests {

// How the operation under way ended; nothing while it is still under way.
using Ending = std::optional<Outcome>;

class Caller {
public:
    // `process` is this process's number. The loop and the tally must outlive the caller.
    Caller(const Options& options, std::uint32_t process, Loop& loop, Tally& tally);

    // Opens a socket and begins to connect. UDP: is connected at once (State::idle).
    Ending open(Connection& connection);
    // To wait for a connection without asking: watches it, and after the event says whether it is there (State::idle).
    void await(Connection& connection);
    Ending confirm(Connection& connection);

    // Begins the next request; the connection may still be connecting.
    Ending ask(Connection& connection);
    // Goes on with it after an epoll event. Outcome::ok: the whole right answer is here, the connection is idle.
    Ending advance(Connection& connection, std::uint32_t events);

    // An idle connection became readable: how it broke, or nothing if that was a late UDP answer.
    Ending overhear(Connection& connection);

    // What `error` (errno) means for this connection.
    Outcome failure(int error, const Connection& connection);

    const Pattern& pattern() const { return pattern_; }

private:
    Ending send_rest(Connection& connection);
    Ending receive(Connection& connection);
    Ending receive_datagrams(Connection& connection);
    void count_established(Connection& connection);
    bool is_earlier_message(const Connection& connection, std::span<const std::byte> datagram) const;

    const Options& options_;
    const bool udp_;
    Loop& loop_;
    Tally& tally_;
    Pattern pattern_;
    Sources sources_;
    sockaddr_storage target_{};
    socklen_t target_size_;
    std::vector<std::byte> out_;
    std::vector<std::byte> in_;
};

}  // namespace portier::guests
