#include "delivery/relay/thread.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.hpp"

namespace portier::delivery {

RelayThread::RelayThread(RelayOutbox& outbox)
    : wake_up_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), loop_(outbox, RelayLoop::Limits{}) {
    if (!wake_up_) throw_errno("eventfd");
    loop_.watch_for_wake_up(wake_up_.get());  // every write is a new edge, so nobody has to read it
    thread_ = std::thread([this] { run(); });
}

void RelayThread::stop() {
    stopping_ = true;
    wake();
    if (thread_.joinable()) thread_.join();
}

void RelayThread::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_up_.get(), &one, sizeof one);  // full: it is awake anyway
}

void RelayThread::order(Order order) {
    if (orders_.put(std::move(order))) wake();
}

void RelayThread::begin(std::vector<std::unique_ptr<RelayTicket>> tickets) {
    order({std::move(tickets), {}});
}

void RelayThread::adopt(RelayLoop::Pairs pairs) {
    for (std::size_t i = 0; i < pairs.size(); ++i) loop_.expect_one();
    order({{}, std::move(pairs)});
}

void RelayThread::end_all(const RelayReports* owner) {
    order({{}, {}, owner});
}

void RelayThread::run() {
    while (!stopping_) {
        loop_.collect(loop_.patience());
        take_orders();
        loop_.work();
    }
}

void RelayThread::take_orders() {
    if (orders_.empty()) return;
    for (Order& order : orders_.take_all()) {
        for (auto& ticket : order.begin) loop_.begin(std::move(ticket));
        if (!order.adopt.empty()) loop_.adopt(std::move(order.adopt));
        if (order.end_all_of) loop_.end_all(order.end_all_of);
    }
}

}  // namespace portier::delivery
