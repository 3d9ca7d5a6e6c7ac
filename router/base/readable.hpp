// Waits until a descriptor that somebody else owns becomes readable, again and again until stopped. Asio's descriptor
// objects close what they hold; this one only looks, so ownership and flags stay as they are. One thread: that of the
// io_context.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

namespace portier {

// Whether poll(2) finds any of these events, or an error, now. What a wait of Asio's says may be about another
// descriptor: when one handler destroys a descriptor object whose event is queued already, the next one that is made
// inherits that.
bool is_ready(int fd, short events);

class Readable {
public:
    // `on_readable` runs once per wait(), when the descriptor is readable indeed; it may destroy this object.
    Readable(boost::asio::io_context& io, int fd, std::function<void()> on_readable);
    Readable(const Readable&) = delete;
    Readable& operator=(const Readable&) = delete;
    ~Readable();

    void wait();  // level-triggered: what is already there counts
    void stop();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace portier
