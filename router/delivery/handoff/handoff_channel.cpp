#include "delivery/handoff/handoff_channel.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "metrics/board.hpp"
#include "net/channel.hpp"
#include "net/handoff_wire.hpp"
#include "net/stream_channel.hpp"

namespace portier::delivery {

namespace {

// Messages read in one turn: a process that never stops talking does not keep the desk.
constexpr int kReadBudget = 64;
// However large its credit is. The kernel's queue has room for about as many.
constexpr std::uint64_t kMostUnderWay = 256;
constexpr int kLastWords = 4096;  // more than fit into the kernel's queue

}  // namespace

HandoffChannel::HandoffChannel(Setup setup) : ProcessChannel(std::move(setup)) {
    // A router before us may have died with doors under way; the ids go on behind them.
    inherited_ = row_.sent.get();
    if (net::queued_bytes(channel_.get()) == 0) row_.taken.set(inherited_);
}

std::uint64_t HandoffChannel::under_way() const {
    const std::uint64_t taken = row_.taken.get();
    return untaken_.size() + (inherited_ > taken ? inherited_ - taken : 0);
}

std::uint64_t HandoffChannel::window() const {
    return std::min(row_.credit.get(), kMostUnderWay);
}

std::error_code HandoffChannel::transmit(std::uint64_t id, const Accepted& accepted) {
    const int socket = accepted.socket.get();
    message_.clear();
    net::encode_header(message_, net::HandoffType::doors, 1);
    net::Door door{
        .id = id, .protocol = accepted.protocol, .local = accepted.local, .remote = accepted.remote, .datagrams = {}};
    for (const auto& datagram : accepted.datagrams) door.datagrams.emplace_back(datagram);
    net::encode_door(message_, door);
    if (accepted.protocol == IPPROTO_UDP)
        if (const auto error = tell_idle(static_cast<std::uint32_t>(accepted.idle_timeout_ms))) return error;
    return net::send_message(channel_.get(), message_, std::span(&socket, 1));
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

void HandoffChannel::on_taken(std::uint64_t id) {
    while (!untaken_.empty() && untaken_.front().id <= id) first_is_taken();
    full_ = false;
    if (id > row_.taken.get() && id <= row_.sent.get()) row_.taken.set(id);
    // Ids that the kernel refused to a router before us are never taken.
    if (inherited_ > row_.taken.get() && net::queued_bytes(channel_.get()) == 0) row_.taken.set(inherited_);
}

}  // namespace portier::delivery
