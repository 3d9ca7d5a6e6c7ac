// What the desk does with each socket of a port, whatever its protocol: Listener (TCP), FlowPort (UDP).
// Desk thread only.
#pragma once

namespace portier::desk {

struct PortState;

class PortSocket {
public:
    virtual ~PortSocket() = default;

    // Goes on with what waits. Called at the start and whenever a reason to pause may be over.
    virtual void resume() = 0;

    // Takes in what waits now: the last act of a port that is removed.
    virtual void finish() = 0;

    // A plan that keeps the socket may have given it to another port.
    virtual void set_port(PortState& port) = 0;
};

}  // namespace portier::desk
