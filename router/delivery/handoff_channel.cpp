#include "delivery/handoff_channel.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
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
// However large its credit is. The kernel's queue has room for about as many.
constexpr std::uint64_t kMostUnderWay = 256;
// So long a process may leave a connection untaken before others get the next ones.
constexpr std::uint64_t kPatienceUs = 1'000'000;
constexpr int kLastWords = 4096;  // more than fit into the kernel's queue

// What waits in the kernel's queue to the process; 0: it has received all that was sent (unix(7), SIOCOUTQ).
int queued_bytes(int channel) {
    int bytes = 0;
    return ::ioctl(channel, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

}  // namespace

HandoffChannel::HandoffChannel(Fd channel, std::uint32_t row_number, metrics::ProcessRow& row, Events events)
    : channel_(std::move(channel)), row_number_(row_number), row_(row), events_(std::move(events)) {
    // A router before us may have died with doors under way; the ids go on behind them.
    inherited_ = row_.sent.get();
    if (queued_bytes(channel_.get()) == 0) row_.taken.set(inherited_);
}

std::uint64_t HandoffChannel::under_way() const {
    const std::uint64_t taken = row_.taken.get();
    return untaken_.size() + (inherited_ > taken ? inherited_ - taken : 0);
}

bool HandoffChannel::has_room() const {
    return !row_.stopping.get() && !full_ && under_way() < std::min(row_.credit.get(), kMostUnderWay) && !is_overdue();
}

bool HandoffChannel::is_overdue() const {
    return !untaken_.empty() && monotonic_microseconds() > untaken_.front().sent_us + kPatienceUs;
}

std::optional<Accepted> HandoffChannel::send(Accepted accepted) {
    row_.sent.add();
    const std::uint64_t id = row_.sent.get();
    const int socket = accepted.socket.get();
    message_.clear();
    net::encode_header(message_, net::HandoffType::doors, 1);
    net::Door door{
        .id = id, .protocol = accepted.protocol, .local = accepted.local, .remote = accepted.remote, .datagrams = {}};
    for (const auto& datagram : accepted.datagrams) door.datagrams.emplace_back(datagram);
    net::encode_door(message_, door);
    auto error = accepted.protocol == IPPROTO_UDP ? tell_idle(static_cast<std::uint32_t>(accepted.idle_timeout_ms))
                                                  : std::error_code();
    if (!error) error = net::send_message(channel_.get(), message_, std::span(&socket, 1));
    if (error) {
        on_refused(error);
        return accepted;
    }
    untaken_.push_back({id, monotonic_microseconds(), std::move(accepted)});
    return std::nullopt;
}

// EAGAIN: the queue is full. ETOOMANYREFS: too many descriptors are under way for this user. EPIPE: the process reads
// no more, or is dead, which is noticed by reading. In each case the door looks for another process; its id stays used.
void HandoffChannel::on_refused(const std::error_code& error) {
    if (error == std::errc::broken_pipe) row_.stopping.set(1);
    full_ = true;
    queued_when_full_ = queued_bytes(channel_.get());
}

std::error_code HandoffChannel::tell_idle(std::uint32_t idle_ms) {
    if (told_idle_ms_ == idle_ms) return {};
    const auto error = net::send_message(channel_.get(), net::encode_idle(idle_ms));
    if (!error) told_idle_ms_ = idle_ms;
    return error;
}

void HandoffChannel::evict(const net::Eviction& eviction) {
    if (const auto error = net::send_message(channel_.get(), net::encode_evict(eviction)))
        log_debug("a process was not asked to close flows", {{"error", error.message()}});
}

void HandoffChannel::retry() {
    if (!full_) return;
    const int queued = queued_bytes(channel_.get());
    full_ = queued > 0 && queued >= queued_when_full_;
}

void HandoffChannel::drain() {
    message_.clear();
    net::encode_header(message_, net::HandoffType::drain);
    row_.stopping.set(1);
    const auto error = net::send_message(channel_.get(), message_);
    drain_due_ = error == std::errc::resource_unavailable_try_again;
    if (error && !drain_due_) log_debug("drain was not delivered", {{"error", error.message()}});
}

void HandoffChannel::on_readable() {
    Said said = Said::something;
    for (int count = 0; count < kReadBudget && said == Said::something; ++count) said = read_one();
    if (said == Said::farewell) return on_dead();
    if (drain_due_) drain();
}

void HandoffChannel::end() {
    for (int count = 0; count < kLastWords && read_one() == Said::something; ++count) {
    }
    on_dead();
}

HandoffChannel::Said HandoffChannel::read_one() {
    std::array<std::byte, 256> buffer;
    const net::Received received = net::receive_message(channel_.get(), buffer);
    if (received.error == std::errc::resource_unavailable_try_again) return Said::nothing;
    // A process that died with unread doors leaves ECONNRESET once; what it said before can still be read after that.
    if (received.error == std::errc::connection_reset) return Said::something;
    if (received.error == std::errc::broken_pipe) return Said::farewell;
    const auto message = net::decode_handoff(std::span(buffer).first(received.size));
    if (received.error || !message) {
        break_off();
        return Said::something;
    }
    switch (message->type) {
        case net::HandoffType::taken: on_taken(message->taken); break;
        case net::HandoffType::credit: row_.credit.set(message->credit); break;
        case net::HandoffType::stopping: row_.stopping.set(1); break;
        case net::HandoffType::doors:
        case net::HandoffType::drain:
        case net::HandoffType::idle:
        case net::HandoffType::evict: break_off(); break;  // only the router says these
    }
    if (has_room()) events_.room();
    return Said::something;
}

void HandoffChannel::break_off() {
    if (row_.stopping.get()) return;
    row_.stopping.set(1);
    events_.broken();
}

void HandoffChannel::on_taken(std::uint64_t id) {
    const std::uint64_t now = monotonic_microseconds();
    while (!untaken_.empty() && untaken_.front().id <= id) {
        events_.dispatched(now - untaken_.front().accepted.accepted_us);
        events_.release(std::move(untaken_.front().accepted.socket));
        untaken_.pop_front();
    }
    full_ = false;
    if (id > row_.taken.get() && id <= row_.sent.get()) row_.taken.set(id);
    // Ids that the kernel refused to a router before us are never taken.
    if (inherited_ > row_.taken.get() && queued_bytes(channel_.get()) == 0) row_.taken.set(inherited_);
}

void HandoffChannel::on_dead() {
    std::vector<Accepted> left;
    for (Untaken& untaken : untaken_) left.push_back(std::move(untaken.accepted));
    untaken_.clear();
    const auto dead = std::move(events_.dead);
    dead(std::move(left));  // destroys this object
}

}  // namespace portier::delivery
