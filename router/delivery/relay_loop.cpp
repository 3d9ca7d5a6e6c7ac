#include "delivery/relay_loop.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace portier::delivery {

namespace {

constexpr int kEventsPerRound = 256;
constexpr int kRounds = 16;            // before the thread's other work gets its turn
constexpr std::uint64_t kSideBit = 1;  // of a pair's address, which is even

}  // namespace

RelayLoop::RelayLoop(boost::asio::io_context& io, boost::asio::io_context& desk)
    : io_(io), desk_(desk), epoll_(::epoll_create1(EPOLL_CLOEXEC)), wheel_(monotonic_milliseconds()), tick_(io) {
    if (!epoll_) throw_errno("epoll_create1");
    readable_ = std::make_unique<Readable>(io_, epoll_.get(), [this] { run(); });
    readable_->wait();
}

void RelayLoop::start(std::vector<std::unique_ptr<RelayTicket>> tickets) {
    boost::asio::post(io_, [this, tickets = std::move(tickets)]() mutable {
        for (auto& ticket : tickets) begin(std::move(ticket));
        finish_round();
        if (!queue_.empty()) run();
    });
}

void RelayLoop::end_all(const RelayReports* owner) {
    boost::asio::post(io_, [this, owner] {
        for (auto item = pairs_.begin(); item != pairs_.end();) {
            Pair& pair = *item++;
            if (pair.ticket().owner != owner) continue;
            pair.end(metrics::Closed::unknown, supplies_);
            retire(pair);
        }
        finish_round();
    });
}

void RelayLoop::begin(std::unique_ptr<RelayTicket> ticket) {
    Pair& pair = pairs_.emplace_back(std::move(ticket));
    pair.place = std::prev(pairs_.end());
    pair.start(monotonic_milliseconds());
    if (pair.over()) return retire(pair);
    watch(pair, RelayPair::client);
    watch(pair, RelayPair::backend);
    set_deadline(pair);
}

void RelayLoop::set_deadline(Pair& pair) {
    if (pair.deadline_ms() == 0) return wheel_.cancel(pair);
    wheel_.set(pair, pair.deadline_ms());
    schedule_tick();
}

void RelayLoop::watch(Pair& pair, RelayPair::Side side) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = reinterpret_cast<std::uintptr_t>(&pair) | (side == RelayPair::backend ? kSideBit : 0);
    // Without memory for it nothing would ever be heard of this side: as if it had said so.
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pair.socket(side), &event) < 0) {
        pair.note(side, EPOLLHUP);
        queue(pair);
    }
}

// Many rounds in a row while there is much to do, so that one wake-up of the thread serves many events.
void RelayLoop::run() {
    for (int round = 0; round < kRounds; ++round) {
        const int events = collect();
        const bool lively = queue_.size() > 1;
        take_turns();
        if (queue_.empty() && (events == 0 || !lively)) {
            finish_round();
            return readable_->wait();
        }
    }
    finish_round();
    boost::asio::post(io_, [this] { run(); });
}

int RelayLoop::collect() {
    std::array<epoll_event, kEventsPerRound> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerRound, 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        Pair& pair = *reinterpret_cast<Pair*>(event.data.u64 & ~kSideBit);
        pair.note(event.data.u64 & kSideBit ? RelayPair::backend : RelayPair::client, event.events);
        queue(pair);
    }
    return count;
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
    RelayReports* const owner = ticket->owner;
    reports_.push_back({owner, pair.state(), nullptr, 0, std::move(ticket)});
    ended_.splice(ended_.end(), pairs_, pair.place);
}

void RelayLoop::finish_round() {
    if (!ended_.empty()) {
        const auto is_over = [](const Pair* pair) { return pair->over(); };
        std::erase_if(queue_, is_over);
        ended_.clear();
    }
    if (reports_.empty()) return;
    boost::asio::post(desk_, [this, reports = std::exchange(reports_, {})]() mutable {
        for (Report& report : reports) {
            if (report.ticket) --connections_;
            if (report.state == RelayPair::State::moving)
                report.owner->on_connected(*report.backend, report.microseconds);
            else if (report.state == RelayPair::State::not_connected)
                report.owner->on_not_connected(std::move(report.ticket));
            else
                report.owner->on_ended(std::move(report.ticket));
        }
    });
}

void RelayLoop::schedule_tick() {
    if (std::exchange(ticking_, true)) return;
    tick_.set(std::chrono::milliseconds(TimerWheel::kTickMs), [this] {
        ticking_ = false;
        const std::uint64_t now = monotonic_milliseconds();
        wheel_.advance(now, [this, now](TimerWheel::Item& item) {
            Pair& pair = static_cast<Pair&>(item);
            pair.on_deadline(supplies_, now);
            if (pair.over()) return retire(pair);
            set_deadline(pair);
        });
        finish_round();
        if (!wheel_.empty()) schedule_tick();
    });
}

}  // namespace portier::delivery
