// All that brings a handler process its work and its end: the handoff channel, inherited sockets, SIGTERM and the
// watchdog, on one Loop. The Server uses it, and so does a program with an event loop of its own (push). One thread.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "sdk/datagrams.hpp"
#include "sdk/doors.hpp"
#include "sdk/flows.hpp"
#include "sdk/listeners.hpp"
#include "sdk/loop.hpp"

namespace portier::sdk {

class Intake {
public:
    class Receiver {
    public:
        virtual ~Receiver() = default;
        // A new TCP connection, non-blocking.
        virtual void opened(Fd socket) = 0;
        // The reply to one datagram, of a flow by handoff or of an inherited socket, valid until the next call;
        // nullopt: none.
        virtual std::optional<std::string_view> answer(std::string_view datagram) = 0;
        // SIGTERM: end soon. Nothing comes any more.
        virtual void finish() = 0;
    };

    // Takes SIGTERM, SIGINT and what portier passed to this process. Throws std::exception with clear words.
    Intake(Loop& loop, Receiver& receiver);

    // Tells the one who started us that we serve. Throws std::system_error.
    void start();
    // An event of the loop that is not the program's own. Throws std::runtime_error when the handoff channel is broken.
    void ready(int fd);
    // After the events of one wait: how many connections were closed, and whether there was no event at all.
    void turn_ended(std::size_t closed, bool idle);
    // How long the next wait may take, in milliseconds; nullopt: for ever.
    std::optional<int> patience() const;
    // Whether the process should exit with 0, given how many connections are open.
    bool done(std::size_t connections) const;

private:
    using Clock = std::chrono::steady_clock;

    void adopt_sockets();
    void receive_doors();
    void watch_doors();
    void stop();

    Loop& loop_;
    Receiver& receiver_;
    Fd signals_;
    Listeners listeners_{loop_};
    std::vector<Datagrams> datagrams_;
    Flows flows_{loop_, [this](std::string_view datagram) { return receiver_.answer(datagram); }};
    std::optional<Doors> doors_;
    std::uint32_t doors_events_ = 0;
    std::optional<std::chrono::microseconds> watchdog_;
    Clock::time_point next_ping_ = Clock::now();
    std::optional<Clock::time_point> deadline_;  // set by SIGTERM
};

}  // namespace portier::sdk
