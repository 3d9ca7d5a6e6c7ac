#include "delivery/handoff/process_channel.hpp"

#include "base/clock.hpp"
#include "delivery/handoff/handoff_channel.hpp"
#include "delivery/handoff/haproxy_channel.hpp"
#include "delivery/handoff/node_channel.hpp"
#include "metrics/board.hpp"
#include "net/stream_channel.hpp"

namespace portier::delivery {

namespace {

// So long a process may leave a connection untaken before others get the next ones.
constexpr std::uint64_t kPatienceUs = 1'000'000;

}  // namespace

ProcessChannel::ProcessChannel(Setup setup)
    : channel_(std::move(setup.channel)),
      row_number_(setup.row_number),
      row_(setup.row),
      handler_(std::move(setup.handler)),
      events_(std::move(setup.events)) {}

bool ProcessChannel::has_room() const {
    return !row_.stopping.get() && !full_ && under_way() < window() && !is_overdue();
}

bool ProcessChannel::is_overdue() const {
    return !untaken_.empty() && monotonic_microseconds() > untaken_.front().sent_us + kPatienceUs;
}

std::optional<Accepted> ProcessChannel::send(Accepted accepted) {
    row_.sent.add();
    const std::uint64_t id = row_.sent.get();
    if (const auto error = transmit(id, accepted)) {
        // EAGAIN: the queue is full. ETOOMANYREFS: too many descriptors are under way for this user. EPIPE: the process
        // reads no more, or is dead, which is noticed by reading. In each case the door looks for another process; its
        // id stays used.
        if (error == std::errc::broken_pipe) row_.stopping.set(1);
        wait_until_it_reads();
        return accepted;
    }
    untaken_.push_back({id, monotonic_microseconds(), std::move(accepted)});
    return std::nullopt;
}

void ProcessChannel::wait_until_it_reads() {
    full_ = true;
    queued_when_full_ = net::queued_bytes(channel_.get());
    events_.later();
}

void ProcessChannel::retry() {
    if (!full_) return;
    const std::size_t queued = net::queued_bytes(channel_.get());
    full_ = queued > 0 && queued >= queued_when_full_;
}

void ProcessChannel::break_off() {
    if (row_.stopping.get()) return;
    row_.stopping.set(1);
    events_.broken();
}

void ProcessChannel::first_is_taken() {
    Accepted accepted = std::move(untaken_.front().accepted);
    untaken_.pop_front();
    events_.dispatched(monotonic_microseconds() - accepted.accepted_us);
    events_.release(std::move(accepted.socket));
}

void ProcessChannel::on_dead() {
    std::vector<Accepted> left;
    for (Untaken& untaken : untaken_) left.push_back(std::move(untaken.accepted));
    untaken_.clear();
    const auto dead = std::move(events_.dead);
    dead(std::move(left));  // destroys this object
}

std::unique_ptr<ProcessChannel> make_process_channel(const std::string& dialect, ProcessChannel::Setup setup) {
    if (dialect == "node") return std::make_unique<NodeChannel>(std::move(setup));
    if (dialect == "haproxy") return std::make_unique<HaproxyChannel>(std::move(setup));
    return std::make_unique<HandoffChannel>(std::move(setup));
}

}  // namespace portier::delivery
