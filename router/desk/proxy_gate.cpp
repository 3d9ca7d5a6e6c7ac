#include "desk/proxy_gate.hpp"

#include <sys/epoll.h>

#include <array>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "net/proxy_read.hpp"
#include "net/socket.hpp"

namespace portier::desk {

using delivery::Accepted;
using metrics::Rejected;

ProxyGate::ProxyGate(boost::asio::io_context& io, metrics::Board& board, OnLeft on_left)
    : board_(board),
      on_left_(std::move(on_left)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      readable_(io, epoll_.get(), [this] { on_readable(); }),
      next_deadline_(io) {
    if (!epoll_) throw_errno("epoll_create1");
    readable_.wait();
}

std::optional<Accepted> ProxyGate::enter(std::uint32_t listener, Accepted accepted, std::chrono::milliseconds timeout) {
    switch (judge(accepted, false)) {
        case Verdict::passes: return accepted;
        case Verdict::refused: return std::nullopt;
        case Verdict::waits: break;
    }
    const int fd = accepted.socket.get();
    // Edge-triggered: what has been seen is left in the socket, so it stays readable while more is awaited.
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) {
        refuse(accepted, Rejected::error);
        return std::nullopt;
    }
    const std::uint64_t deadline = accepted.accepted_us + static_cast<std::uint64_t>(timeout.count()) * 1000;
    waiting_.insert_or_assign(fd, Waiting{std::move(accepted), listener, deadline});
    deadlines_.emplace(deadline, fd);
    ++count_[listener];
    set_alarm();
    return std::nullopt;
}

std::size_t ProxyGate::waiting(std::uint32_t listener) const {
    const auto found = count_.find(listener);
    return found == count_.end() ? 0 : found->second;
}

std::vector<Accepted> ProxyGate::close(std::uint32_t listener) {
    std::vector<int> own;
    for (const auto& [fd, waiting] : waiting_)
        if (waiting.listener == listener) own.push_back(fd);
    std::vector<Accepted> passed;
    for (const int fd : own) {
        Waiting waiting = take(fd);
        const Verdict verdict = judge(waiting.accepted, false);
        if (verdict == Verdict::passes) passed.push_back(std::move(waiting.accepted));
        if (verdict == Verdict::waits) refuse(waiting.accepted, Rejected::proxy_timeout);
    }
    return passed;
}

// Counts a refusal; closing is up to the caller.
ProxyGate::Verdict ProxyGate::judge(Accepted& accepted, bool no_more_comes) {
    const net::ProxyRead read = net::read_proxy_header(accepted.socket.get());
    const bool ended = read.state == net::ProxyRead::State::ended;
    if (read.state == net::ProxyRead::State::waiting && !no_more_comes) return Verdict::waits;
    if (read.state == net::ProxyRead::State::malformed) {
        log_limited(LogSeverity::warning, "a connection is refused for its PROXY header",
                    {{"local", net::to_string(accepted.local)},
                     {"sender", net::to_string(accepted.remote)},
                     {"reason", read.reason}});
        refuse(accepted, Rejected::proxy_header);
        return Verdict::refused;
    }
    if (ended || read.state == net::ProxyRead::State::waiting) {
        refuse(accepted, Rejected::aborted);
        return Verdict::refused;
    }
    accepted.accepted_us = monotonic_microseconds();
    accepted.header_size = read.size;
    // The specification: a kind of address that the receiver has no use for counts as none.
    if (read.addresses && read.addresses->protocol == accepted.protocol) {
        accepted.remote = read.addresses->source;
        accepted.local = read.addresses->destination;
    } else {
        accepted.local = net::local_endpoint(accepted.socket.get());
    }
    return Verdict::passes;
}

void ProxyGate::on_readable() {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    Left left;
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        on_event(event.data.fd, event.events, left);
    }
    readable_.wait();
    tell(std::move(left));
}

void ProxyGate::on_event(int fd, std::uint32_t events, Left& left) {
    Accepted& accepted = waiting_.at(fd).accepted;
    Verdict verdict = Verdict::refused;
    if (events & EPOLLERR)
        refuse(accepted, Rejected::aborted);  // its data can still be read, but nobody reads an answer
    else
        verdict = judge(accepted, events & (EPOLLRDHUP | EPOLLHUP));
    if (verdict == Verdict::waits) return;
    Waiting gone = take(fd);
    auto& passed = left[gone.listener];
    if (verdict == Verdict::passes) passed.push_back(std::move(gone.accepted));
}

void ProxyGate::on_deadline() {
    alarm_us_ = 0;
    const std::uint64_t now = monotonic_microseconds();
    Left left;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const Waiting late = take(deadlines_.begin()->second);
        log_limited(LogSeverity::warning, "a connection is refused, its PROXY header did not come in time",
                    {{"sender", net::to_string(late.accepted.remote)}});
        refuse(late.accepted, Rejected::proxy_timeout);
        left[late.listener];
    }
    set_alarm();
    tell(std::move(left));
}

// Out of everything, above all out of epoll: after the handover we would still be told what happens to the socket.
ProxyGate::Waiting ProxyGate::take(int fd) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    auto node = waiting_.extract(fd);
    Waiting waiting = std::move(node.mapped());
    deadlines_.erase({waiting.deadline_us, fd});
    if (--count_[waiting.listener] == 0) count_.erase(waiting.listener);
    return waiting;
}

void ProxyGate::refuse(const Accepted& accepted, Rejected reason) {
    board_.ports[accepted.port_row].rejected[static_cast<std::size_t>(reason)].add();
}

void ProxyGate::tell(Left left) {
    for (auto& [listener, passed] : left) on_left_(listener, std::move(passed));
}

// Who has left meanwhile leaves the alarm as it is: it rings once for nothing.
void ProxyGate::set_alarm() {
    if (deadlines_.empty()) return;
    const std::uint64_t next = deadlines_.begin()->first;
    if (alarm_us_ != 0 && alarm_us_ <= next) return;
    alarm_us_ = next;
    const std::uint64_t now = monotonic_microseconds();
    next_deadline_.set(std::chrono::microseconds(next > now ? next - now : 0), [this] { on_deadline(); });
}

}  // namespace portier::desk
