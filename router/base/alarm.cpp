#include "base/alarm.hpp"

#include <boost/asio/steady_timer.hpp>
#include <cstdint>

namespace portier {

// Shared with the pending wait, so that a late completion finds another turn and not a dead object.
struct Alarm::State {
    explicit State(boost::asio::io_context& io) : timer(io) {}

    boost::asio::steady_timer timer;
    std::uint64_t turn = 0;
};

Alarm::Alarm(boost::asio::io_context& io) : state_(std::make_shared<State>(io)) {}

Alarm::~Alarm() {
    cancel();
}

void Alarm::set(std::chrono::microseconds delay, std::function<void()> action) {
    const std::uint64_t turn = ++state_->turn;
    state_->timer.expires_after(delay);
    state_->timer.async_wait([state = state_, turn, action = std::move(action)](const boost::system::error_code&) {
        if (state->turn == turn) action();
    });
}

void Alarm::cancel() {
    ++state_->turn;
    state_->timer.cancel();
}

}  // namespace portier
