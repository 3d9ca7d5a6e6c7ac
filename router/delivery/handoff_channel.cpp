#include "delivery/handoff_channel.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <array>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "metrics/board.hpp"
#include "net/channel.hpp"
#include "net/handoff_wire.hpp"

namespace portier::delivery {

namespace {

// Messages read in one turn: a process that never stops talking does not keep the desk.
constexpr int kReadBudget = 64;

// Nothing waits in the kernel's queue to the process: it has received all that was sent (unix(7), SIOCOUTQ).
bool queue_empty(int channel) {
    int bytes = 0;
    return ::ioctl(channel, SIOCOUTQ, &bytes) == 0 && bytes == 0;
}

}  // namespace

HandoffChannel::HandoffChannel(Fd channel, std::uint32_t row_number, metrics::ProcessRow& row, Events events)
    : channel_(std::move(channel)), row_number_(row_number), row_(row), events_(std::move(events)) {
    // A router before us may have died with doors under way; the ids go on behind them.
    inherited_ = row_.sent.get();
    if (queue_empty(channel_.get())) row_.taken.set(inherited_);
}

std::uint64_t HandoffChannel::under_way() const {
    const std::uint64_t taken = row_.taken.get();
    return untaken_.size() + (inherited_ > taken ? inherited_ - taken : 0);
}

bool HandoffChannel::has_room() const { return !stopping_ && !full_ && under_way() < row_.credit.get(); }

std::optional<Accepted> HandoffChannel::send(Accepted accepted) {
    row_.sent.add();
    const std::uint64_t id = row_.sent.get();
    const int socket = accepted.socket.get();
    message_.clear();
    net::encode_header(message_, net::HandoffType::doors, 1);
    net::encode_door(message_, {.id = id,
                                .protocol = IPPROTO_TCP,
                                .local = accepted.local,
                                .remote = accepted.remote,
                                .datagrams = {}});
    if (net::send_message(channel_.get(), message_, std::span(&socket, 1))) {
        // EAGAIN: the queue is full. ETOOMANYREFS: too many descriptors are under way for this user. A dead process
        // (EPIPE) is noticed by reading. In each case the door looks for another process; its id stays used.
        full_ = true;
        return accepted;
    }
    untaken_.push_back({id, std::move(accepted)});
    return std::nullopt;
}

void HandoffChannel::drain() {
    message_.clear();
    net::encode_header(message_, net::HandoffType::drain);
    stopping_ = true;
    if (const auto error = net::send_message(channel_.get(), message_))
        log_debug("drain was not delivered", {{"error", error.message()}});
}

void HandoffChannel::on_readable() {
    for (int count = 0; count < kReadBudget && read_one(); ++count) {
    }
}

// Returns false when there is nothing more to read now, or this object is gone.
bool HandoffChannel::read_one() {
    std::array<std::byte, 256> buffer;
    const net::Received received = net::receive_message(channel_.get(), buffer);
    if (received.error == std::errc::resource_unavailable_try_again) return false;
    // A process that died with unread doors leaves ECONNRESET once; what it said before can still be read after that.
    if (received.error == std::errc::connection_reset) return true;
    if (received.error == std::errc::broken_pipe) {
        on_dead();
        return false;
    }
    const auto message = net::decode_handoff(std::span(buffer).first(received.size));
    if (received.error || !message) {
        log_limited(LogSeverity::warning,
                    "a handler process sent a message that is not part of the contract; it gets no more connections",
                    {{"process", row_number_}});
        stopping_ = true;
        return true;
    }
    switch (message->type) {
        case net::HandoffType::taken: on_taken(message->taken); break;
        case net::HandoffType::credit: row_.credit.set(message->credit); break;
        case net::HandoffType::stopping: stopping_ = true; break;
        case net::HandoffType::doors:
        case net::HandoffType::drain: stopping_ = true; break;  // only the router says these
    }
    if (has_room()) events_.room();
    return true;
}

void HandoffChannel::on_taken(std::uint64_t id) {
    const std::uint64_t now = monotonic_microseconds();
    while (!untaken_.empty() && untaken_.front().id <= id) {
        events_.dispatched(now - untaken_.front().accepted.accepted_us);
        untaken_.pop_front();
    }
    full_ = false;
    if (id > row_.taken.get() && id <= row_.sent.get()) row_.taken.set(id);
}

void HandoffChannel::on_dead() {
    std::vector<Accepted> left;
    for (Untaken& untaken : untaken_) left.push_back(std::move(untaken.accepted));
    untaken_.clear();
    const auto dead = std::move(events_.dead);
    dead(std::move(left));  // destroys this object
}

}  // namespace portier::delivery
