#include "desk/listener.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <limits>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "net/socket.hpp"

namespace portier::desk {

namespace {

// Accepted in one turn before other ports get theirs.
constexpr int kAcceptBudget = 64;
constexpr std::chrono::milliseconds kOutOfDescriptorsPause{100};
constexpr std::chrono::milliseconds kSparingPause{5};
constexpr std::chrono::microseconds kCountingPeriod{6000};  // longer than accounting lets ends gather
constexpr std::size_t kMostDoubtful = 256;
// Of one listener: who sends no header must not keep out who does, for as long as it takes to find out.
constexpr std::size_t kMostAtGate = 8192;
// Kept for ports whose processes take what they get, and for the admin pages.
constexpr rlim_t kReserve = 64;

// The kernel gives out the lowest free number, so a number tells how many are in use.
int first_of_reserve() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t first = limit.rlim_cur - std::min(kReserve, limit.rlim_cur / 4);
    return static_cast<int>(std::min<rlim_t>(first, std::numeric_limits<int>::max()));
}

}  // namespace

Listener::Listener(boost::asio::io_context& io, std::uint32_t number, Fd socket, PortState& port, ProxyGate& gate)
    : io_(io),
      number_(number),
      socket_(std::move(socket)),
      port_(&port),
      gate_(gate),
      readable_(io, socket_.get(), [this] { accept_some(); }),
      pause_(io),
      next_ask_(io) {
    readable_.wait();
}

void Listener::resume() {
    starved_ = false;
    if (paused_for_time_) return;
    if (ready_.empty())
        readable_.wait();
    else
        pause_for(std::chrono::microseconds(0));  // not now: who calls may be in the middle of a delivery
}

void Listener::passed_gate(std::vector<delivery::Accepted> passed) {
    for (delivery::Accepted& accepted : passed) ready_.push_back(std::move(accepted));
    if (!starved_) resume();
}

bool Listener::gate_is_full() const {
    return gate_.waiting(number_) + ready_.size() >= kMostAtGate;
}

// Room or not: the delivery keeps what waits, while closing the socket would reset it. Only those who are there now:
// more may come as long as the socket is open.
void Listener::finish() {
    const std::uint64_t now = monotonic_microseconds();
    for (std::size_t waiting = net::accept_queue_length(socket_.get()); waiting > 0; --waiting)
        if (must_spare_descriptors() || port_->delivery->is_behind() || accept_one(now) != Step::again) break;
    passed_gate(gate_.close(number_));
    while (!ready_.empty() && !port_->delivery->is_behind()) admit_one_ready();
    for (const delivery::Accepted& accepted : ready_) turn_away(accepted, metrics::Rejected::error);
    for (delivery::Accepted& accepted : std::exchange(doubtful_, {})) admit(std::move(accepted), true);
}

void Listener::accept_some() {
    accept_burst();
    port_->delivery->end_of_burst();
}

void Listener::accept_burst() {
    // A process that inherited this socket under an earlier configuration may have made it block, for us too.
    if (const int flags = ::fcntl(socket_.get(), F_GETFL); !(flags & O_NONBLOCK))
        ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
    const std::uint64_t now = monotonic_microseconds();
    for (int count = 0; count < kAcceptBudget; ++count) {
        const bool refuses_now = port_->delivery->at_limit() && !port_->admission->waits();
        if (!refuses_now && !port_->delivery->has_room()) return starve();
        if (ready_.empty() && must_spare_descriptors()) return pause_for(kSparingPause);
        if (const auto pause = port_->admission->pause_us(port_->row->active(), now)) {
            // A limit of connections is asked again soon: their ends are counted by another thread.
            const std::uint64_t longest = 5000;
            return pause_for(std::chrono::microseconds(std::min(*pause, longest)));
        }
        if (!ready_.empty()) {
            admit_one_ready();
            continue;
        }
        if (gate_is_full()) return;  // until one has left it
        switch (accept_one(now)) {
            case Step::again: break;
            case Step::would_block: return readable_.wait();
            case Step::pause: return;
        }
    }
    readable_.wait();
}

// Until the delivery says that there is room again, and the desk calls resume().
void Listener::starve() {
    if (std::exchange(starved_, true)) return;
    port_->starved->push_back(number_);
    port_->delivery->demand();
}

Listener::Step Listener::accept_one(std::uint64_t now_us) {
    sockaddr_storage remote{};
    socklen_t length = sizeof remote;
    const int fd =
        ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&remote), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return on_accept_error(errno);
    port_->scarce |= fd >= port_->scarce_from;
    delivery::Accepted accepted;
    accepted.socket = Fd(fd);
    accepted.remote = net::from_sockaddr(remote);
    accepted.accepted_us = now_us;
    accepted.port_row = port_->row_number;
    accepted.idle_timeout_ms = port_->idle_timeout_ms;
    if (port_->proxy.from.empty())
        admit(std::move(accepted), false);
    else
        ask_for_header(std::move(accepted));
    return Step::again;
}

// Nobody can be told by the first bytes whether he may send a header, so others are refused whatever they send.
void Listener::ask_for_header(delivery::Accepted accepted) {
    if (!net::contains(port_->proxy.from, accepted.remote.address))
        return turn_away(accepted, metrics::Rejected::denied);
    if (auto passed = gate_.enter(number_, std::move(accepted), port_->proxy.timeout)) admit(std::move(*passed), false);
}

void Listener::admit_one_ready() {
    delivery::Accepted accepted = std::move(ready_.front());
    ready_.pop_front();
    accepted.port_row = port_->row_number;  // a reload may have moved this listener to another port
    admit(std::move(accepted), false);
}

// The ends of connections are counted by another thread, in crowds: who comes right after somebody has left waits until
// that is known rather than be refused for it.
void Listener::admit(delivery::Accepted accepted, bool asked_before) {
    const auto reason = reason_to_refuse(accepted);
    const bool may_be_over = reason == metrics::Rejected::limit || reason == metrics::Rejected::source_limit;
    if (may_be_over && !asked_before && doubtful_.size() < kMostDoubtful) {
        if (doubtful_.empty()) next_ask_.set(kCountingPeriod, [this] { ask_again(); });
        doubtful_.push_back(std::move(accepted));
        return;
    }
    if (reason) return turn_away(accepted, *reason);
    if (accepted.header_size == 0) accepted.local = net::local_endpoint(accepted.socket.get());
    accepted.cookie = net::socket_cookie(accepted.socket.get());
    port_->row->accepted.add();
    port_->delivery->deliver(std::move(accepted));
}

// The caller closes it.
void Listener::turn_away(const delivery::Accepted& accepted, metrics::Rejected reason) {
    port_->row->rejected[static_cast<std::size_t>(reason)].add();
    const linger at_once{1, 0};
    if (port_->admission->resets())
        ::setsockopt(accepted.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::optional<metrics::Rejected> Listener::reason_to_refuse(const delivery::Accepted& accepted) {
    const net::Address& source = accepted.remote.address;
    if (const auto reason = port_->admission->refuse(source, port_->row->active(), accepted.accepted_us)) return reason;
    const auto reason = port_->delivery->refuse(source);
    if (!reason || (reason == metrics::Rejected::limit && port_->admission->waits())) return std::nullopt;
    port_->admission->ended(source);  // it was counted as admitted
    return reason;
}

void Listener::ask_again() {
    const std::uint64_t now = monotonic_microseconds();
    const auto is_due = [now](const delivery::Accepted& accepted) {
        return now >= accepted.accepted_us + static_cast<std::uint64_t>(kCountingPeriod.count());
    };
    while (!doubtful_.empty() && is_due(doubtful_.front())) {
        delivery::Accepted accepted = std::move(doubtful_.front());
        doubtful_.pop_front();
        accepted.port_row = port_->row_number;  // a reload may have moved this listener to another port
        admit(std::move(accepted), true);
    }
    if (!doubtful_.empty()) next_ask_.set(kCountingPeriod, [this] { ask_again(); });
    port_->delivery->end_of_burst();
}

// accept(2): network errors of the new connection are reported here and concern only that one; a lack of descriptors
// or memory would come back at once, so the port pauses while the others go on.
Listener::Step Listener::on_accept_error(int error) {
    switch (error) {
        case EAGAIN: return Step::would_block;
        case EINTR: return Step::again;
        case ECONNABORTED:
        case EPERM:
        case EPROTO:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENOPROTOOPT:
        case ENONET:
        case EOPNOTSUPP:
            port_->row->rejected[static_cast<std::size_t>(metrics::Rejected::aborted)].add();
            return Step::again;
        default:
            port_->row->rejected[static_cast<std::size_t>(metrics::Rejected::error)].add();
            log_limited(LogSeverity::warning, "cannot accept, the port pauses for 100 ms",
                        {{"error", errno_code(error).message()}});
            pause_for(kOutOfDescriptorsPause);
            return Step::pause;
    }
}

// Descriptors run out when processes do not take what they got. That port waits for them; the others share the reserve.
bool Listener::must_spare_descriptors() {
    if (!port_->scarce) return false;
    const Fd lowest_free(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 0));
    port_->scarce_from = first_of_reserve();
    port_->scarce = !lowest_free || lowest_free.get() >= port_->scarce_from;
    const bool holds_any = !port_->delivery->idle() || !ready_.empty() || gate_.waiting(number_) > 0;
    if (!port_->scarce || !holds_any) return false;
    log_limited(LogSeverity::warning,
                "few descriptors are left, the port pauses until its connections are in their processes' hands");
    return true;
}

void Listener::pause_for(std::chrono::microseconds time) {
    paused_for_time_ = true;
    pause_.set(time, [this] {
        paused_for_time_ = false;
        accept_some();
    });
}

}  // namespace portier::desk
