#include "delivery/handoff/haproxy_channel.hpp"

#include <array>

#include "metrics/board.hpp"
#include "net/stream_channel.hpp"
#include "net/untouched.hpp"

namespace portier::delivery {

namespace {

// haproxy reads up to 64 at once (tune.maxaccept).
constexpr std::uint64_t kWindow = 64;
constexpr std::string_view kMessage{"\0\0", 2};

}  // namespace

HaproxyChannel::HaproxyChannel(Setup setup)
    : ProcessChannel(std::move(setup)), cost_(net::queue_cost(kMessage.size())) {
    settle();
}

std::uint64_t HaproxyChannel::window() const {
    // A process that does not read shows only by what we have sent ourselves, so those of a router before us go first.
    return unread_ > untaken_.size() ? 0 : kWindow;
}

std::error_code HaproxyChannel::transmit(std::uint64_t, const Accepted& accepted) {
    const auto error = net::send_some(channel_.get(), kMessage, accepted.socket.get()).error;
    if (!error) ++unread_;
    return error;
}

// Takes note of what was read. False: the process is gone, and then nobody can tell.
bool HaproxyChannel::settle() {
    // To the nearest: while a message is being read, a byte of it still counts.
    const std::uint64_t unread = (net::queued_bytes(channel_.get()) + cost_ / 2) / cost_;
    // In this order: a process that ends shows that first, and then its queue is emptied.
    if (net::is_hung_up(channel_.get())) return false;
    unread_ = unread;
    while (untaken_.size() > unread_) first_is_taken();
    row_.taken.set(row_.sent.get() - unread_);
    return true;
}

void HaproxyChannel::hear() {
    std::array<char, 256> buffer;
    if (net::receive_some(channel_.get(), buffer).size > 0) break_off();  // it has nothing to say to us
}

void HaproxyChannel::on_readable() {
    if (!settle()) return on_gone();
    hear();
    if (unread_ == 0) full_ = false;
    if (has_room()) events_.room();
}

void HaproxyChannel::end() {
    settle();
    on_gone();
}

// Of what it had not been seen to read, it may have read some. Those that it has begun to serve end with it.
void HaproxyChannel::on_gone() {
    std::deque<Untaken> untouched;
    for (Untaken& untaken : untaken_) {
        if (net::is_untouched(untaken.accepted.socket.get(), untaken.accepted.header_size))
            untouched.push_back(std::move(untaken));
        else
            events_.release(std::move(untaken.accepted.socket));
    }
    untaken_ = std::move(untouched);
    on_dead();
}

void HaproxyChannel::retry() {
    settle();
    ProcessChannel::retry();
}

// The keeper tells it, by a signal: a channel that closes means nothing to haproxy.
void HaproxyChannel::drain() {
    row_.stopping.set(1);
}

}  // namespace portier::delivery
