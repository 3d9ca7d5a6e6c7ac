// Watches the channels of one pool. What processes say (*taken*, credit) is seldom urgent, so under load it is looked
// at once a millisecond and after each burst of accepts instead of waking the desk for every message; when little is
// said, or somebody waits for credit, every message wakes it at once. Desk thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"

namespace portier::delivery {

class ChannelPoll {
public:
    // `on_readable` gets the number of a channel that has such an event; it may add and remove channels.
    ChannelPoll(boost::asio::io_context& io, std::function<void(std::uint32_t number)> on_readable);

    // `events`: of epoll_ctl(2).
    void add(std::uint32_t number, int channel, std::uint32_t events);
    void remove(int channel);

    // Looks now, if messages are not waking us anyway.
    void look_if_lazy();
    // The next message matters: let it wake us.
    void be_eager();

private:
    unsigned look();
    void on_woken();
    void be_lazy();
    void schedule_look();

    boost::asio::io_context& io_;
    Fd epoll_;
    std::function<void(std::uint32_t)> on_readable_;
    std::unique_ptr<Readable> readable_;  // empty while lazy
    Alarm next_look_;
    std::uint64_t window_us_ = 0;  // begin of the millisecond that is counted
    unsigned wakes_ = 0;           // in it
};

}  // namespace portier::delivery
