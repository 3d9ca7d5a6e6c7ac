#include "delivery/handoff/channel_poll.hpp"

#include <sys/epoll.h>

#include <array>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace portier::delivery {

namespace {

constexpr std::chrono::microseconds kPeriod{1000};
constexpr unsigned kManyWakes = 4;    // in a period: rather look than be woken
constexpr unsigned kFewMessages = 2;  // found by a look: rather be woken

}  // namespace

ChannelPoll::ChannelPoll(boost::asio::io_context& io, std::function<void(std::uint32_t)> on_readable)
    : io_(io), epoll_(::epoll_create1(EPOLL_CLOEXEC)), on_readable_(std::move(on_readable)), next_look_(io) {
    if (!epoll_) throw_errno("epoll_create1");
    be_eager();
}

void ChannelPoll::add(std::uint32_t number, int channel, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = number;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, channel, &event) < 0) throw_errno("watch a channel");
}

void ChannelPoll::remove(int channel) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, channel, nullptr);
}

// Returns how many channels had something to say.
unsigned ChannelPoll::look() {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    for (int i = 0; i < count; ++i) on_readable_(events[static_cast<std::size_t>(i)].data.u32);
    return count > 0 ? static_cast<unsigned>(count) : 0;
}

void ChannelPoll::on_woken() {
    const std::uint64_t now = monotonic_microseconds();
    if (now - window_us_ > static_cast<std::uint64_t>(kPeriod.count())) {
        window_us_ = now;
        wakes_ = 0;
    }
    look();
    if (++wakes_ >= kManyWakes) return be_lazy();
    if (readable_) readable_->wait();
}

void ChannelPoll::be_lazy() {
    readable_.reset();
    schedule_look();
}

void ChannelPoll::schedule_look() {
    next_look_.set(kPeriod, [this] {
        const unsigned found = look();
        if (readable_) return;  // somebody asked to be eager meanwhile
        if (found < kFewMessages)
            be_eager();
        else
            schedule_look();
    });
}

void ChannelPoll::look_if_lazy() {
    if (!readable_) look();
}

void ChannelPoll::be_eager() {
    if (readable_) return;
    next_look_.cancel();
    window_us_ = 0;
    readable_ = std::make_unique<Readable>(io_, epoll_.get(), [this] { on_woken(); });
    readable_->wait();
}

}  // namespace portier::delivery
