#include "delivery/relay/loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace portier::delivery {

namespace {

constexpr int kEventsPerRound = 256;
constexpr std::uint64_t kSideBit = 1;  // of a pair's address, which is even

}  // namespace

RelayLoop::RelayLoop(boost::asio::io_context& desk)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_up_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wheel_(monotonic_milliseconds()),
      outbox_(desk, [this](RelayReport& report) { tell(report); }) {
    if (!epoll_) throw_errno("epoll_create1");
    if (!wake_up_) throw_errno("eventfd");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;  // every write is a new event, so nobody has to read it
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_up_.get(), &event) < 0) throw_errno("epoll_ctl");
    thread_ = std::thread([this] { run(); });
}

void RelayLoop::stop() {
    stopping_ = true;
    wake();
    if (thread_.joinable()) thread_.join();
}

void RelayLoop::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_up_.get(), &one, sizeof one);  // full: it is awake anyway
}

void RelayLoop::order(Order order) {
    if (orders_.put(std::move(order))) wake();
}

void RelayLoop::start(std::vector<std::unique_ptr<RelayTicket>> tickets) {
    order({std::move(tickets)});
}

void RelayLoop::end_all(const RelayReports* owner) {
    order({{}, owner});
}

void RelayLoop::run() {
    while (!stopping_) {
        collect();
        take_orders();
        take_turns();
        look_at_deadlines();
        finish_round();
    }
}

// Milliseconds to wait for events; -1: as long as there are none.
int RelayLoop::patience() const {
    if (!queue_.empty()) return 0;
    if (wheel_.empty()) return -1;
    const std::uint64_t now = monotonic_milliseconds();
    return now < next_tick_ms_ ? static_cast<int>(next_tick_ms_ - now) : 0;
}

void RelayLoop::collect() {
    std::array<epoll_event, kEventsPerRound> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerRound, patience());
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == 0) continue;  // wake_up_
        Pair& pair = *reinterpret_cast<Pair*>(event.data.u64 & ~kSideBit);
        pair.note(event.data.u64 & kSideBit ? RelayPair::backend : RelayPair::client, event.events);
        queue(pair);
    }
}

void RelayLoop::take_orders() {
    if (orders_.empty()) return;
    for (Order& order : orders_.take_all()) {
        for (auto& ticket : order.start) begin(std::move(ticket));
        if (order.end_all_of) end_all_of(order.end_all_of);
    }
}

void RelayLoop::begin(std::unique_ptr<RelayTicket> ticket) {
    Pair& pair = pairs_.emplace_back(std::move(ticket));
    pair.place = std::prev(pairs_.end());
    pair.start(monotonic_milliseconds());
    if (pair.over()) return retire(pair);
    if (!watch(pair, RelayPair::client) || !watch(pair, RelayPair::backend)) {
        pair.fail(errno);
        return retire(pair);
    }
    set_deadline(pair);
}

void RelayLoop::end_all_of(const RelayReports* owner) {
    for (auto item = pairs_.begin(); item != pairs_.end();) {
        Pair& pair = *item++;
        if (pair.ticket().owner != owner) continue;
        pair.end(metrics::Closed::unknown, supplies_);
        retire(pair);
    }
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
        const bool more = pair->turn(supplies_, now);
        after(*pair, before);
        if (more) queue(*pair);
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

void RelayLoop::finish_round() {
    if (!ended_.empty()) {
        const auto is_over = [](const Pair* pair) { return pair->over(); };
        std::erase_if(queue_, is_over);
        ended_.clear();
    }
    if (!reports_.empty()) outbox_.put(std::exchange(reports_, {}));
}

// At the desk.
void RelayLoop::tell(RelayReport& report) {
    if (report.ticket) --connections_;
    if (report.state == RelayPair::State::moving)
        report.owner->on_connected(*report.backend, report.microseconds);
    else if (report.state == RelayPair::State::not_connected)
        report.owner->on_not_connected(std::move(report.ticket));
    else
        report.owner->on_ended(std::move(report.ticket));
}

}  // namespace portier::delivery
