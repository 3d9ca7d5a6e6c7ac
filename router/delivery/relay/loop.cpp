#include "delivery/relay/loop.hpp"

#include <sys/epoll.h>

#include <array>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace portier::delivery {

namespace {

constexpr std::uint64_t kSideBit = 1;  // of a pair's address, which is even

}  // namespace

RelayLoop::RelayLoop(RelayOutbox& outbox, Limits limits)
    : limits_(limits), epoll_(::epoll_create1(EPOLL_CLOEXEC)), wheel_(monotonic_milliseconds()), outbox_(outbox) {
    if (!epoll_) throw_errno("epoll_create1");
}

void RelayLoop::watch_for_wake_up(int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) < 0) throw_errno("epoll_ctl");
}

int RelayLoop::patience() const {
    if (!queue_.empty() || !reports_.empty()) return 0;
    if (wheel_.empty()) return -1;
    const std::uint64_t now = monotonic_milliseconds();
    return now < next_tick_ms_ ? static_cast<int>(next_tick_ms_ - now) : 0;
}

void RelayLoop::collect(int patience) {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), limits_.events, patience);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == 0) continue;  // a wake-up
        Pair& pair = *reinterpret_cast<Pair*>(event.data.u64 & ~kSideBit);
        pair.note(event.data.u64 & kSideBit ? RelayPair::backend : RelayPair::client, event.events);
        queue(pair);
    }
}

void RelayLoop::begin(std::unique_ptr<RelayTicket> ticket) {
    Pair& pair = pairs_.emplace_back(std::move(ticket));
    pair.place = std::prev(pairs_.end());
    pair.start(monotonic_milliseconds());
    if (pair.over()) return retire(pair);
    if (!watch(pair)) {
        pair.fail(errno);
        return retire(pair);
    }
    set_deadline(pair);
}

void RelayLoop::adopt(Pairs pairs) {
    while (!pairs.empty()) {
        pairs_.splice(pairs_.end(), pairs, pairs.begin());
        Pair& pair = pairs_.back();
        pair.turns = 0;
        supplies_.came_along(pair.lent());
        if (!watch(pair)) give_up(pair, errno);
        if (pair.over()) {
            retire(pair);
            continue;
        }
        set_deadline(pair);
        queue(pair);
    }
}

void RelayLoop::give_up(Pair& pair, int error) {
    if (pair.state() == RelayPair::State::connecting)
        pair.fail(error);
    else
        pair.end(metrics::Closed::unknown, supplies_);
}

void RelayLoop::end_all(const RelayReports* owner) {
    for (auto item = pairs_.begin(); item != pairs_.end();) {
        Pair& pair = *item++;
        if (pair.ticket().owner != owner) continue;
        pair.end(metrics::Closed::unknown, supplies_);
        retire(pair);
    }
}

void RelayLoop::work() {
    take_turns();
    look_at_deadlines();
    if (!ended_.empty()) {
        const auto is_over = [](const Pair* pair) { return pair->over(); };
        std::erase_if(queue_, is_over);
        ended_.clear();
    }
    if (!reports_.empty()) outbox_.put(std::exchange(reports_, {}));
}

bool RelayLoop::watch(Pair& pair) {
    return watch(pair, RelayPair::client) && watch(pair, RelayPair::backend);
}

// False: no memory for it, or too many are watched (ENOSPC, epoll(7)); nothing would ever be heard of this side.
bool RelayLoop::watch(Pair& pair, RelayPair::Side side) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;
    event.data.u64 = reinterpret_cast<std::uintptr_t>(&pair) | (side == RelayPair::backend ? kSideBit : 0);
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pair.socket(side), &event) == 0;
}

void RelayLoop::queue(Pair& pair) {
    if (!std::exchange(pair.queued, true)) queue_.push_back(&pair);
}

// Who is not finished after its budget comes again after all others.
void RelayLoop::take_turns() {
    const std::uint64_t now = monotonic_milliseconds();
    turn_.swap(queue_);
    for (Pair* pair : turn_) {
        pair->queued = false;
        if (pair->over()) continue;
        const auto before = pair->state();
        const bool more = pair->turn(supplies_, now, limits_.budget);
        after(*pair, before);
        if (should_leave(*pair, more))
            leave(*pair);
        else if (more)
            queue(*pair);
    }
    turn_.clear();
}

// What a turn has changed.
void RelayLoop::after(Pair& pair, RelayPair::State before) {
    const auto state = pair.state();
    if (state == before) return;
    if (before == RelayPair::State::connecting && state != RelayPair::State::not_connected) {
        const RelayTicket& ticket = pair.ticket();
        reports_.push_back({ticket.owner, RelayPair::State::moving, ticket.backend.get(),
                            ticket.connected_us - ticket.accepted.accepted_us, nullptr});
    }
    if (pair.over()) return retire(pair);
    set_deadline(pair);
}

bool RelayLoop::should_leave(Pair& pair, bool more) const {
    return limits_.turns_of_a_stay && !pair.over() && (more || ++pair.turns >= limits_.turns_of_a_stay);
}

// Nothing here points to it any more: it has just had its turn.
void RelayLoop::leave(Pair& pair) {
    wheel_.cancel(pair);
    for (const auto side : {RelayPair::client, RelayPair::backend})
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pair.socket(side), nullptr);
    supplies_.went_along(pair.lent());
    leaving_.splice(leaving_.end(), pairs_, pair.place);
    --connections_;
}

// It lives until the end of the round, because others may still point to it.
void RelayLoop::retire(Pair& pair) {
    wheel_.cancel(pair);
    auto ticket = pair.take_ticket();
    // The client's socket lives on, and would go on reporting to a pair that is gone.
    if (const Fd& client = ticket->accepted.socket)
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, client.get(), nullptr);  // ENOENT: it was never watched
    RelayReports* const owner = ticket->owner;
    reports_.push_back({owner, pair.state(), nullptr, 0, std::move(ticket)});
    ended_.splice(ended_.end(), pairs_, pair.place);
    --connections_;
}

void RelayLoop::set_deadline(Pair& pair) {
    if (pair.deadline_ms() == 0) return wheel_.cancel(pair);
    if (wheel_.empty()) next_tick_ms_ = monotonic_milliseconds() + TimerWheel::kTickMs;
    wheel_.set(pair, pair.deadline_ms());
}

void RelayLoop::look_at_deadlines() {
    if (wheel_.empty()) return;
    const std::uint64_t now = monotonic_milliseconds();
    if (now < next_tick_ms_) return;
    next_tick_ms_ = now + TimerWheel::kTickMs;
    wheel_.advance(now, [this, now](TimerWheel::Item& item) {
        Pair& pair = static_cast<Pair&>(item);
        pair.on_deadline(supplies_, now);
        if (pair.over()) return retire(pair);
        set_deadline(pair);
    });
}

}  // namespace portier::delivery
