#include "sdk/intake.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "base/error.hpp"
#include "sdk/listen.hpp"
#include "sdk/notify.hpp"
#include "sdk/process.hpp"

namespace portier::sdk {

namespace {

// After SIGTERM: how long a client may take to fetch what it is owed.
constexpr std::chrono::seconds kGrace{5};
// How soon a listener that ran out of descriptors or memory is tried again.
constexpr int kRetryMilliseconds = 100;
constexpr std::chrono::milliseconds kFullSocketRetry{10};

void watch(Loop& loop, int fd) {
    if (!loop.add(fd, EPOLLIN)) throw_errno("epoll_ctl");
}

}  // namespace

Intake::Intake(Loop& loop, Receiver& receiver)
    : loop_(loop), receiver_(receiver), signals_(termination_signals()), watchdog_(watchdog_interval()) {
    raise_descriptor_limit();
    watch(loop_, signals_.get());
    adopt_sockets();
    doors_ = Doors::from_environment();
    if (doors_) watch_doors();
    if (!doors_ && datagrams_.empty() && !listeners_.any())
        throw std::runtime_error("neither PORTIER_FD nor LISTEN_FDS is set for this process: it is started by portier");
}

void Intake::adopt_sockets() {
    for (Inherited& inherited : inherited_sockets()) {
        if (!inherited.datagram) {
            listeners_.add(std::move(inherited.socket));
            continue;
        }
        watch(loop_, inherited.socket.get());
        datagrams_.emplace_back(std::move(inherited.socket));
    }
}

void Intake::start() {
    if (const std::error_code error = notify_ready()) throw std::system_error(error, "telling NOTIFY_SOCKET READY=1");
}

void Intake::ready(int fd) {
    if (fd == signals_.get()) return stop();
    if (doors_ && fd == doors_->fd()) return receive_doors();
    if (listeners_.accept(fd, [&](Fd socket) { receiver_.opened(std::move(socket)); })) return;
    if (flows_.has(fd)) return flows_.serve(fd);
    for (Datagrams& datagrams : datagrams_)
        if (datagrams.fd() == fd)
            datagrams.serve([&](std::string_view datagram) { return receiver_.answer(datagram); });
}

void Intake::receive_doors() {
    const std::uint64_t lost_before = doors_->lost();
    const auto state = doors_->receive([&](Fd socket, const net::Door& door) {
        if (door.protocol == IPPROTO_UDP) return flows_.add(std::move(socket), door, doors_->flow_idle());
        receiver_.opened(std::move(socket));
    });
    for (const net::Eviction& eviction : doors_->take_evictions()) flows_.evict(eviction);
    if (doors_->lost() != lost_before)
        std::fprintf(stderr, "at the limit of open files: %llu connections lost so far\n",
                     static_cast<unsigned long long>(doors_->lost()));
    if (state == Doors::State::broken) throw std::runtime_error(doors_->error());
    if (state != Doors::State::open) notify("STOPPING=1");
}

void Intake::watch_doors() {
    const bool reads = doors_->state() == Doors::State::open && !deadline_;
    const std::uint32_t events = (reads ? EPOLLIN : 0u) | (doors_->wants_write() ? EPOLLOUT : 0u);
    if (events != doors_events_) {
        // Without events it is taken out: the end of file would be reported for ever.
        if (events == 0)
            loop_.remove(doors_->fd());
        else if (doors_events_ != 0)
            loop_.change(doors_->fd(), events);
        else if (!loop_.add(doors_->fd(), events))
            throw_errno("epoll_ctl");
        doors_events_ = events;
    }
    // Closed once all is said: what we have not taken goes to another process now, not when our last client is gone.
    if (deadline_ && events == 0) doors_.reset();
}

void Intake::stop() {
    loop_.remove(signals_.get());
    deadline_ = Clock::now() + kGrace;
    notify("STOPPING=1");
    if (doors_) doors_->stop();
    listeners_.stop();
    for (const Datagrams& datagrams : datagrams_) loop_.remove(datagrams.fd());
    flows_.finish();
    receiver_.finish();
}

void Intake::turn_ended(std::size_t closed, bool idle) {
    flows_.expire(Clock::now());
    closed += flows_.take_closed();
    if (listeners_.paused() && (closed || idle)) listeners_.resume();
    if (doors_) {
        if (closed) doors_->closed(closed);
        watch_doors();
    }
    if (watchdog_ && Clock::now() >= next_ping_) {
        // Others may have filled the socket, whose name is no secret; a ping that is left out for long means death.
        const bool full = notify("WATCHDOG=1") == std::errc::resource_unavailable_try_again;
        next_ping_ = Clock::now() + (full ? std::chrono::microseconds(kFullSocketRetry) : *watchdog_ / 2);
    }
}

std::optional<int> Intake::patience() const {
    using std::chrono::ceil, std::chrono::milliseconds;
    std::optional<int> result;
    const auto at_most = [&](long long limit) {
        result = static_cast<int>(std::clamp<long long>(limit, 0, result.value_or(60'000)));
    };
    if (listeners_.paused()) at_most(kRetryMilliseconds);
    if (deadline_) at_most(ceil<milliseconds>(*deadline_ - Clock::now()).count());
    if (const auto expiry = flows_.next_expiry()) at_most(ceil<milliseconds>(*expiry - Clock::now()).count());
    if (watchdog_) at_most(ceil<milliseconds>(next_ping_ - Clock::now()).count());
    return result;
}

bool Intake::done(std::size_t connections) const {
    if (deadline_ && Clock::now() >= *deadline_) return true;
    const bool drained = doors_ && doors_->state() != Doors::State::open;
    return (deadline_ || drained) && connections + flows_.count() == 0;
}

}  // namespace portier::sdk
