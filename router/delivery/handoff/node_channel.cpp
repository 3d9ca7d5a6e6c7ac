#include "delivery/handoff/node_channel.hpp"

#include <sys/socket.h>

#include <array>

#include "base/clock.hpp"
#include "metrics/board.hpp"
#include "net/node_wire.hpp"
#include "net/stream_channel.hpp"

namespace portier::delivery {

namespace {

// A browser opens six connections at once, and with `source-hash` they shall all come to one process.
constexpr std::uint64_t kWindow = 16;
// Pieces read in one turn: a script that never stops talking does not keep the desk.
constexpr int kReadBudget = 16;
constexpr int kLastWords = 4096;  // more than fit into the kernel's queue
// Scripts may say what they like; nobody listens, but a line has to end.
constexpr std::size_t kLongestLine = 1 << 20;
// A process that has read everything for so long has answered everything.
constexpr std::uint64_t kAnsweredUs = 1'000'000;

}  // namespace

NodeChannel::NodeChannel(Setup setup) : ProcessChannel(std::move(setup)) {
    if (row_.sent.get() > row_.taken.get()) before_us_ = row_.sent.get() - row_.taken.get();
    unread_until_us_ = monotonic_microseconds();
    if (before_us_ > 0) events_.later();
}

std::uint64_t NodeChannel::window() const {
    return before_us_ > 0 || !unsent_.empty() ? 0 : kWindow;
}

std::error_code NodeChannel::transmit(std::uint64_t, const Accepted& accepted) {
    const std::string line = net::encode_node_handle({handler_, accepted.local, accepted.remote});
    const net::Moved sent = net::send_some(channel_.get(), line, accepted.socket.get());
    if (sent.error) {
        row_.taken.add();  // no answer will come
        return sent.error;
    }
    // The next descriptor must wait until this line is whole: node gives a line the last one that came with it.
    unsent_ = line.substr(sent.size);
    if (!unsent_.empty()) events_.later();
    return {};
}

void NodeChannel::flush() {
    if (!unsent_.empty()) {
        const net::Moved sent = net::send_some(channel_.get(), unsent_);
        unsent_.erase(0, sent.size);
        if (!unsent_.empty()) return events_.later();
        if (has_room()) events_.room();
    }
    // The end of the stream is node's 'disconnect'; what it says is still heard.
    if (std::exchange(drain_due_, false)) ::shutdown(channel_.get(), SHUT_WR);
}

void NodeChannel::retry() {
    ProcessChannel::retry();
    settle_before_us();
    flush();
}

void NodeChannel::settle_before_us() {
    if (before_us_ == 0) return;
    const std::uint64_t now = monotonic_microseconds();
    if (net::queued_bytes(channel_.get()) > 0) unread_until_us_ = now;
    if (now < unread_until_us_ + kAnsweredUs) return events_.later();
    before_us_ = 0;
    row_.taken.set(row_.sent.get());
}

void NodeChannel::drain() {
    row_.stopping.set(1);
    drain_due_ = true;
    flush();
}

void NodeChannel::on_readable() {
    Said said = Said::something;
    for (int count = 0; count < kReadBudget && said == Said::something; ++count) said = read_some();
    if (said == Said::farewell) return on_dead();
    flush();
}

void NodeChannel::end() {
    for (int count = 0; count < kLastWords && read_some() == Said::something; ++count) {
    }
    on_dead();
}

NodeChannel::Said NodeChannel::read_some() {
    std::array<char, 4096> buffer;
    const net::Moved received = net::receive_some(channel_.get(), buffer);
    if (received.error == std::errc::resource_unavailable_try_again) return Said::nothing;
    // A process that died with unread lines leaves ECONNRESET once; what it said before can still be read after that.
    if (received.error == std::errc::connection_reset) return Said::something;
    if (received.error) return Said::farewell;
    on_bytes({buffer.data(), received.size});
    return Said::something;
}

void NodeChannel::on_bytes(std::string_view bytes) {
    for (std::size_t end; (end = bytes.find('\n')) != std::string_view::npos; bytes.remove_prefix(end + 1)) {
        line_.append(bytes.substr(0, end));
        on_line(line_);
        line_.clear();
    }
    line_.append(bytes);
    if (line_.size() <= kLongestLine) return;
    line_.clear();
    break_off();
}

void NodeChannel::on_line(std::string_view line) {
    switch (net::decode_node_line(line)) {
        case net::NodeWord::ack: return on_answer(true);
        case net::NodeWord::nack: return on_answer(false);
        case net::NodeWord::other: return;
        case net::NodeWord::garbage: return break_off();
    }
}

void NodeChannel::on_answer(bool arrived) {
    if (before_us_ == 0 && untaken_.empty()) return;  // to what nobody had said
    row_.taken.add();
    if (before_us_ > 0) {
        --before_us_;
    } else if (arrived) {
        first_is_taken();
    } else {
        // It had no descriptor left, and gets a pause.
        Accepted accepted = std::move(untaken_.front().accepted);
        untaken_.pop_front();
        wait_until_it_reads();
        return events_.returned(std::move(accepted));
    }
    full_ = false;
    if (has_room()) events_.room();
}

}  // namespace portier::delivery
