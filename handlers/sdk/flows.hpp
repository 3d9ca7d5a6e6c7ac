// The UDP flows that this process has by handoff: owns their sockets, one for each client, answers datagram by
// datagram, and closes a flow that was idle for too long or that portier needs the room of. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "net/handoff_wire.hpp"
#include "sdk/loop.hpp"

namespace portier::sdk {

class Flows {
public:
    using Clock = std::chrono::steady_clock;
    // The reply to one datagram, valid until the next call; nullopt: none.
    using Answer = std::function<std::optional<std::string_view>(std::string_view)>;

    Flows(Loop& loop, Answer answer);

    // Answers the door's early datagrams, then watches its socket. `idle`: how long it may be silent; 0: for ever.
    void add(Fd socket, const net::Door& door, std::chrono::milliseconds idle);
    bool has(int fd) const { return flows_.contains(fd); }
    // Answers what waits, at most a few dozen datagrams a call.
    void serve(int fd);
    // Closes those of these local ports that have been idle the longest.
    void evict(const net::Eviction& eviction);
    // Closes those that have been idle for too long. To be called when patience() is over, or more often.
    void expire(Clock::time_point now);
    std::optional<Clock::time_point> next_expiry() const { return next_expiry_; }
    // Answers what waits and closes all.
    void finish();

    std::size_t count() const { return flows_.size(); }
    // How many were closed since the last call.
    std::size_t take_closed() { return std::exchange(closed_, 0); }

private:
    struct Flow {
        Fd socket;
        std::uint16_t local_port = 0;
        std::chrono::milliseconds idle{0};
        Clock::time_point last;
    };

    void reply(int fd, std::string_view datagram);
    void answer_the_rest(int fd);
    void close(int fd);

    Loop& loop_;
    Answer answer_;
    std::unordered_map<int, Flow> flows_;
    std::vector<char> buffer_;
    std::optional<Clock::time_point> next_expiry_;
    std::size_t closed_ = 0;
};

}  // namespace portier::sdk
