// Closes sockets that may have SO_LINGER set by another process that shares them: close(2) then waits for the peer,
// even on a non-blocking socket, when it happens to be the last one (socket(7)). Such a socket is closed by a thread of
// its own, all others at once. One thread calls; bounded.
#pragma once

#include <memory>

#include "base/fd.hpp"

namespace portier::net {

class LingeringCloser {
public:
    LingeringCloser();
    // Waits for nobody: what is still lingering is closed by the thread, or by the end of the process.
    ~LingeringCloser();

    // With too many waiting already, or without a thread, the socket lingers in the kernel's background instead, as
    // without SO_LINGER.
    void close(Fd socket);

private:
    struct State;
    bool start();
    std::shared_ptr<State> state_;
};

}  // namespace portier::net
