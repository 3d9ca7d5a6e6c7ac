// One listening TCP socket of a port: accepts within a budget, asks admission, gives the connection to the handler's
// delivery, and pauses (never spins) when there is no room, a limit is reached or descriptors run out. Connections wait
// in the kernel's queue meanwhile. Desk thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"
#include "delivery/delivery.hpp"
#include "desk/admission.hpp"
#include "desk/flows.hpp"
#include "desk/proxy_gate.hpp"

namespace portier::desk {

// Who has to send a PROXY header, and how soon; nobody else may connect then.
struct ProxyRule {
    std::vector<net::Network> from;  // empty: no header is expected of anybody
    std::chrono::milliseconds timeout{0};
};

// What the sockets of one port share.
struct PortState {
    std::uint32_t row_number = 0;
    metrics::PortRow* row = nullptr;
    delivery::Delivery* delivery = nullptr;         // never null while a listener runs
    std::vector<std::uint32_t>* starved = nullptr;  // the listeners of its handler that wait for room, by number
    std::unique_ptr<Admission> admission;
    std::uint64_t idle_timeout_ms = 0;  // 0: never
    ProxyRule proxy;
    int scarce_from =
        0;  // a descriptor with this number or a higher one comes out of the reserve; found out when needed
    bool scarce = false;           // such a one was seen
    std::unique_ptr<Flows> flows;  // UDP only
};

class Listener {
public:
    // `number` is the socket's on the link to the keeper.
    Listener(boost::asio::io_context& io, std::uint32_t number, Fd socket, PortState& port, ProxyGate& gate);

    // Accepts what is there and goes on waiting. Called at the start and whenever a reason to pause may be over.
    void resume();

    // Accepts everything that waits now: the last act of a port that is removed.
    void finish();

    void set_port(PortState& port) { port_ = &port; }

    // Some of its connections have left the gate: these may go on, as soon as there is room.
    void passed_gate(std::vector<delivery::Accepted> passed);

private:
    enum class Step { again, would_block, pause };

    void accept_some();
    void accept_burst();
    void starve();
    bool gate_is_full() const;
    void admit_one_ready();
    Step accept_one(std::uint64_t now_us);
    void ask_for_header(delivery::Accepted accepted);
    Step on_accept_error(int error);
    void admit(delivery::Accepted accepted, bool asked_before);
    void turn_away(const delivery::Accepted& accepted, metrics::Rejected reason);
    std::optional<metrics::Rejected> reason_to_refuse(const delivery::Accepted& accepted);
    void ask_again();
    bool must_spare_descriptors();
    void pause_for(std::chrono::microseconds time);

    boost::asio::io_context& io_;
    std::uint32_t number_;
    Fd socket_;
    PortState* port_;
    ProxyGate& gate_;
    Readable readable_;
    Alarm pause_;
    Alarm next_ask_;
    std::deque<delivery::Accepted> doubtful_;  // over a limit, if the last ends are not just being counted
    std::deque<delivery::Accepted> ready_;     // their PROXY header has come; bounded like the gate
    bool paused_for_time_ = false;
    bool starved_ = false;  // nobody has room
};

}  // namespace portier::desk
