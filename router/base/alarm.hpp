// Calls back once after a delay, unless it is set again, cancelled or destroyed before. Asio's own timer does not keep
// that promise: a wait that has expired but not run yet completes without an error even after cancel(). One thread:
// that of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace portier {

class Alarm {
public:
    explicit Alarm(boost::asio::io_context& io);
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;
    ~Alarm();

    // In place of what was set before. `action` may set again or destroy this object.
    void set(std::chrono::microseconds delay, std::function<void()> action);
    void cancel();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace portier
