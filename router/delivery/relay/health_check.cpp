#include "delivery/relay/health_check.hpp"

#include <poll.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <utility>

#include "base/alarm.hpp"
#include "base/readable.hpp"

namespace portier::delivery {

namespace asio = boost::asio;

// Shared with the pending wait, so that a late completion finds `socket` empty and not a dead object.
struct HealthCheck::State : std::enable_shared_from_this<State> {
    State(asio::io_context& io, const net::Destination& to, std::function<void(bool)> callback)
        : destination(to), on_checked(std::move(callback)), socket(io), next(io), timeout(io) {}

    void begin();
    void wait_until_connected();
    void finish(bool passed);

    const net::Destination destination;
    const std::function<void(bool)> on_checked;
    HealthPlan plan;
    std::optional<net::Source> source;
    asio::posix::stream_descriptor socket;  // while it connects
    Alarm next, timeout;
};

void HealthCheck::State::begin() {
    next.set(std::chrono::milliseconds(plan.interval_ms), [this] { begin(); });
    if (socket.is_open()) return;  // the timeout is longer than the interval
    net::Connecting attempt = net::begin_connect(destination, source);
    if (attempt.error && net::is_shortage(attempt.error.value())) return;  // says nothing about the backend
    if (attempt.error || attempt.done) return finish(!attempt.error);
    boost::system::error_code error;
    socket.assign(attempt.socket.get(), error);
    if (error) return;  // too many are watched (ENOSPC, epoll(7)): neither does this
    attempt.socket.release();
    timeout.set(std::chrono::milliseconds(plan.timeout_ms), [this] { finish(false); });
    wait_until_connected();
}

void HealthCheck::State::wait_until_connected() {
    socket.async_wait(asio::posix::descriptor_base::wait_write,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                          if (error || !self->socket.is_open()) return;
                          const int fd = self->socket.native_handle();
                          if (!is_ready(fd, POLLOUT)) return self->wait_until_connected();
                          self->finish(net::connect_result(fd) == 0);
                      });
}

void HealthCheck::State::finish(bool passed) {
    timeout.cancel();
    boost::system::error_code ignored;
    socket.close(ignored);
    on_checked(passed);
}

HealthCheck::HealthCheck(asio::io_context& io, const net::Destination& destination,
                         std::function<void(bool)> on_checked)
    : state_(std::make_shared<State>(io, destination, std::move(on_checked))) {}

HealthCheck::~HealthCheck() {
    state_->next.cancel();
    state_->timeout.cancel();
    boost::system::error_code ignored;
    state_->socket.close(ignored);
}

void HealthCheck::update(const HealthPlan& plan, const std::optional<net::Source>& source) {
    const auto before = state_->plan.interval_ms;
    state_->plan = plan;
    state_->source = source;
    const bool sooner = before == 0 || plan.interval_ms < before;
    if (sooner) state_->next.set({}, [state = state_.get()] { state->begin(); });
}

}  // namespace portier::delivery
