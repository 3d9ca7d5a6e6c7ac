#include "delivery/relay/threads.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <system_error>

#include "base/log.hpp"
#include "delivery/udp/threads.hpp"

namespace portier::delivery {

namespace {

// Enough for a question and its answer, too little to hold up who wants to be accepted.
constexpr RelayLoop::Limits kAtDesk{.events = 64, .budget = sizeof(RelaySupplies::Buffer), .turns_of_a_stay = 8};

void tell(RelayReport& report) {
    if (report.state == RelayPair::State::moving)
        report.owner->on_connected(*report.backend, report.microseconds);
    else if (report.state == RelayPair::State::not_connected)
        report.owner->on_not_connected(std::move(report.ticket));
    else
        report.owner->on_ended(std::move(report.ticket));
}

}  // namespace

RelayThreads::RelayThreads(boost::asio::io_context& desk) : desk_(desk), outbox_(desk, tell), tick_(desk) {}

RelayThreads::~RelayThreads() {
    stop();
}

void RelayThreads::start(unsigned count) {
    if (here_) return;
    here_ = std::make_unique<RelayLoop>(outbox_, kAtDesk);
    try {
        while (threads_.size() < threads_for(count)) threads_.push_back(std::make_unique<Seat>(outbox_));
    } catch (const std::system_error& error) {
        log_warning("there are fewer relay threads than asked for",
                    {{"threads", threads_.size()}, {"error", error.what()}});
    }
    readable_ = std::make_unique<Readable>(desk_, here_->descriptor(), [this] { work_here(); });
    readable_->wait();
}

void RelayThreads::stop() {
    for (const auto& seat : threads_) seat->thread.stop();
    readable_.reset();
    tick_.cancel();
}

void RelayThreads::begin(std::unique_ptr<RelayTicket> ticket) {
    next_ = (next_ + 1) % (threads_.size() + 1);
    if (next_ == 0) return begin_here(std::move(ticket));
    Seat& seat = least_busy();
    seat.thread.expect_one();
    seat.tickets.push_back(std::move(ticket));
    if (std::exchange(sending_, true)) return;
    // After what the desk is just doing: a burst of connections wakes a thread once.
    boost::asio::post(desk_, [this, alive = std::weak_ptr(alive_)] {
        if (alive.lock()) send_tickets();
    });
}

RelayThreads::Seat& RelayThreads::least_busy() {
    const auto less = [](const auto& a, const auto& b) { return a->thread.connections() < b->thread.connections(); };
    return **std::min_element(threads_.begin(), threads_.end(), less);
}

void RelayThreads::send_tickets() {
    sending_ = false;
    for (const auto& seat : threads_)
        if (!seat->tickets.empty()) seat->thread.begin(std::exchange(seat->tickets, {}));
}

void RelayThreads::end_all(const RelayReports* owner) {
    send_tickets();
    for (const auto& seat : threads_) seat->thread.end_all(owner);
    if (!here_) return;
    here_->end_all(owner);
    come_back_here();
}

void RelayThreads::begin_here(std::unique_ptr<RelayTicket> ticket) {
    here_->expect_one();
    here_->begin(std::move(ticket));
    come_back_here();
}

void RelayThreads::work_here() {
    here_->collect(0);
    here_->work();
    find_places_for(here_->take_leaving());
    readable_->wait();
    come_back_here();
}

void RelayThreads::find_places_for(RelayLoop::Pairs leaving) {
    if (leaving.empty()) return;
    if (!threads_.empty()) return least_busy().thread.adopt(std::move(leaving));
    for (std::size_t i = 0; i < leaving.size(); ++i) here_->expect_one();
    here_->adopt(std::move(leaving));
}

// For what no event will announce.
void RelayThreads::come_back_here() {
    const int patience = here_->patience();
    if (patience == 0 && !std::exchange(working_, true)) {
        boost::asio::post(desk_, [this, alive = std::weak_ptr(alive_)] {
            if (!alive.lock() || !readable_) return;
            working_ = false;
            work_here();
        });
    } else if (patience > 0 && !std::exchange(ticking_, true)) {
        tick_.set(std::chrono::milliseconds(patience), [this] {
            ticking_ = false;
            work_here();
        });
    }
}

}  // namespace portier::delivery
