// TCP listeners that this process shares with others (inherit): accepts in batches and pauses instead of spinning when
// descriptors or memory run out. One thread.
#pragma once

#include <vector>

#include "base/fd.hpp"
#include "sdk/loop.hpp"

namespace portier::sdk {

class Listeners {
public:
    explicit Listeners(Loop& loop) : loop_(loop) {}

    // Throws std::system_error.
    void add(Fd socket);

    // Calls each(Fd socket) for the connections that wait on this listener, at most kBatch a call. False: not one of
    // ours.
    template <typename Each>
    bool accept(int fd, Each&& each) {
        Listener* listener = find(fd);
        if (!listener) return false;
        for (int i = 0; i < kBatch; ++i) {
            Fd socket = next(*listener);
            if (!socket) break;
            each(std::move(socket));
        }
        return true;
    }

    bool any() const { return !listeners_.empty(); }
    // Out of descriptors or memory; resume() tries again.
    bool paused() const { return paused_; }
    void resume();
    // No connection is accepted any more; clients wait in the queue for another process.
    void stop();

private:
    static constexpr int kBatch = 64;

    struct Listener {
        Fd socket;
        bool watched = false;
    };

    Listener* find(int fd);
    Fd next(Listener& listener);
    void unwatch(Listener& listener);

    Loop& loop_;
    std::vector<Listener> listeners_;
    bool paused_ = false;
};

}  // namespace portier::sdk
