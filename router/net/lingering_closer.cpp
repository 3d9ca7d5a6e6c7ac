#include "net/lingering_closer.hpp"

#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "net/socket.hpp"

namespace portier::net {

namespace {

constexpr std::size_t kMaxWaiting = 1024;

bool lingers(const Fd& socket) {
    linger value{};
    socklen_t size = sizeof value;
    return ::getsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &value, &size) == 0 && value.l_onoff && value.l_linger > 0;
}

}  // namespace

// Shared with the thread, which may be in the middle of a close(2) when its owner goes.
struct LingeringCloser::State {
    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return ended || !waiting.empty(); });
            if (waiting.empty()) return;
            Fd socket = std::move(waiting.front());
            waiting.pop_front();
            lock.unlock();
            socket.reset();
            lock.lock();
        }
    }

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Fd> waiting;
    bool started = false;
    bool ended = false;
};

LingeringCloser::LingeringCloser() : state_(std::make_shared<State>()) {}

LingeringCloser::~LingeringCloser() {
    const std::lock_guard lock(state_->mutex);
    state_->ended = true;
    state_->changed.notify_one();
}

// False: the kernel gives no thread just now.
bool LingeringCloser::start() {
    try {
        std::thread([state = state_] { state->run(); }).detach();
    } catch (const std::system_error&) {
        return false;
    }
    return state_->started = true;
}

void LingeringCloser::close(Fd socket) {
    if (!lingers(socket)) return;
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting.size() == kMaxWaiting || !(state_->started || start())) return stop_lingering(socket.get());
    state_->waiting.push_back(std::move(socket));
    state_->changed.notify_one();
}

}  // namespace portier::net
