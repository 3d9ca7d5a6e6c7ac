// The handoff channel of a handler process: receives connections from portier, acknowledges them, and tells portier
// how many more fit under the descriptor limit. The contract, byte by byte: handlers/README.md.
// One thread. Whoever waits for events watches fd() for reading, and for writing while wants_write().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "net/handoff_wire.hpp"

namespace portier::sdk {

class Doors {
public:
    enum class State {
        open,      // doors may come
        draining,  // portier sends no more: finish what you have, then exit with 0
        ended,     // portier is gone for good: the same
        broken,    // no common language: see error(), exit with an error
    };

    // The channel named in PORTIER_FD, which is then unset; nullopt when this process was not started for handoff.
    // Throws std::system_error or std::runtime_error.
    static std::optional<Doors> from_environment();

    // Sends the first credit, so doors may come from now on. Throws std::runtime_error when the descriptor limit leaves
    // no room for a single connection.
    explicit Doors(Fd channel);

    int fd() const { return channel_.get(); }
    State state() const { return state_; }
    const std::string& error() const { return error_; }
    bool wants_write() const { return credit_due_ || taken_due_ || stopping_due_; }

    // Reads the messages that wait, acknowledges them, then calls each(Fd socket, const net::Door& door) for every
    // connection. The door's datagrams are valid during the call only.
    template <typename Each>
    State receive(Each&& each) {
        collect();
        for (Arrival& arrival : arrivals_) {
            flow_idle_ = arrival.flow_idle;
            each(std::move(arrival.socket), std::as_const(arrival.door));
        }
        return state_;
    }

    // While receive() brings a flow: how long it may be silent before it should be closed; 0: for ever.
    std::chrono::milliseconds flow_idle() const { return flow_idle_; }

    // What portier has asked for since the last call: flows to close, so that there is room for new ones.
    std::vector<net::Eviction> take_evictions() { return std::exchange(evictions_, {}); }

    // Tells that `count` of the received sockets are closed, so that others fit.
    void closed(std::size_t count);

    // Asks portier to send no more. What was not received yet goes to another process.
    void stop();

    // How many doors arrived without their socket because this process was at its descriptor limit after all (it opened
    // more of its own than the reserve allows). Their clients see a closed connection.
    std::uint64_t lost() const { return lost_; }

private:
    struct Arrival {
        net::Door door;
        Fd socket;
        std::chrono::milliseconds flow_idle;
    };

    void collect();
    void understand(std::span<const std::byte> message, std::vector<Fd> descriptors, bool lost);
    void accept(net::HandoffMessage message, std::vector<Fd> descriptors, bool lost);
    void adjust_window();
    void flush();
    void fail(std::string reason);

    Fd channel_;
    State state_ = State::open;
    std::string error_;
    std::unique_ptr<std::byte[]> buffer_;
    std::vector<Arrival> arrivals_;  // of the current receive(); empty between calls, its memory is kept
    std::chrono::milliseconds told_idle_{0};
    std::chrono::milliseconds flow_idle_{0};
    std::vector<net::Eviction> evictions_;
    std::size_t capacity_;  // sockets that this process can hold
    std::size_t held_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t taken_ = 0;
    std::uint32_t window_ = 0;
    bool credit_due_ = true;
    bool taken_due_ = false;
    bool stopping_due_ = false;
};

}  // namespace portier::sdk
