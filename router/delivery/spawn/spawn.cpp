#include "delivery/spawn/spawn.hpp"

#include <deque>
#include <map>
#include <unordered_map>

#include "base/alarm.hpp"
#include "delivery/handover.hpp"
#include "delivery/plan.hpp"
#include "delivery/spawn/request.hpp"
#include "metrics/board.hpp"
#include "net/lingering_closer.hpp"
#include "net/socket.hpp"

namespace portier::delivery {

namespace {

// For what nobody tells us is over: a full link, records that are read too slowly.
constexpr std::chrono::milliseconds kRetryDelay{20};
// After a program that could not be started: the next connections wait a little for what is missing.
constexpr std::chrono::milliseconds kFailedStartPause{100};
constexpr std::uint32_t kNoProcess = 0;  // the board's row of nobody

class Spawn final : public Delivery {
public:
    explicit Spawn(const DeliveryContext& context) : context_(context), retry_(context.io), pause_(context.io) {}

    bool is_behind() const override { return context_.board.handovers.nearly_full(); }
    bool has_room() const override { return !is_behind() && waiting_.empty() && !paused_ && !at_limit(); }
    bool at_limit() const override { return running_.size() >= max_; }
    bool idle() const override { return waiting_.empty(); }
    void end_of_burst() override {}

    std::optional<metrics::Rejected> refuse(const net::Address& source) const override {
        const auto found = max_per_source_ ? by_source_.find(net::source_key(source)) : by_source_.end();
        if (found != by_source_.end() && found->second >= max_per_source_) return metrics::Rejected::source_limit;
        return at_limit() ? std::optional(metrics::Rejected::limit) : std::nullopt;
    }

    void deliver(Accepted accepted) override {
        context_.board.handovers.push(handover_of(accepted, kNoProcess));
        waiting_.push_back(std::move(accepted));
        start_waiting();
    }

    void demand() override {
        starved_ = true;
        // Room may have come since the listener asked, and then nobody will say so again.
        if (is_behind() || has_room()) retry_soon();
    }

    void on_spawned_ended(const SpawnEnd& end) override {
        forget(end.cookie);
        if (!end.started) pause();
        on_room();
    }

    void update(const HandlerPlan& plan, const std::set<std::uint32_t>& leaving, Descriptors& descriptors) override;

private:
    bool start(const Accepted& accepted);
    void start_waiting();
    void remember(std::uint64_t cookie, const net::Address& source);
    void forget(std::uint64_t cookie);
    void pause();
    void retry_soon();
    void on_room();

    DeliveryContext context_;
    std::uint32_t row_ = 0;
    std::uint64_t max_ = 0;
    std::uint64_t max_per_source_ = 0;                         // 0: no limit
    std::unordered_map<std::uint64_t, net::Address> running_;  // also those under way: by cookie, where from
    std::map<net::Address, std::uint64_t> by_source_;
    std::deque<Accepted> waiting_;  // accepted although there was no room: their port is gone, or the link was full
    bool starved_ = false;          // a listener found no room and waits to hear that there is some
    bool paused_ = false;
    bool retry_is_set_ = false;
    Alarm retry_, pause_;
};

void Spawn::update(const HandlerPlan& plan, const std::set<std::uint32_t>&, Descriptors&) {
    const bool gone = plan.delivery.empty();  // the configuration has no such handler any more
    if (!gone) {
        row_ = plan.row;
        max_ = plan.spawn.max_processes;
        max_per_source_ = plan.spawn.max_processes_per_source;
        for (const RunningPlan& running : plan.spawn.running)
            if (const auto source = net::parse_address(running.source)) remember(running.cookie, *source);
    }
    on_room();
    if (!gone) return;
    // Nobody will ever start a process for those that wait. A reset, because a peaceful end would look like an answer.
    for (const Accepted& accepted : waiting_) net::reset_on_close(accepted.socket.get());
    waiting_.clear();
}

void Spawn::remember(std::uint64_t cookie, const net::Address& source) {
    const net::Address key = net::source_key(source);
    if (running_.emplace(cookie, key).second) ++by_source_[key];
}

void Spawn::forget(std::uint64_t cookie) {
    const auto found = running_.find(cookie);
    if (found == running_.end()) return;
    const auto source = by_source_.find(found->second);
    if (--source->second == 0) by_source_.erase(source);
    running_.erase(found);
}

// False: not now. Where it has been accepted from was asked before (refuse()).
bool Spawn::start(const Accepted& accepted) {
    if (paused_ || at_limit()) return false;
    const SpawnRequest request{.cookie = accepted.cookie,
                               .accepted_us = accepted.accepted_us,
                               .handler = row_,
                               .local = accepted.local,
                               .remote = accepted.remote};
    const bool sent = context_.on_spawn(request, accepted.socket.get());
    if (sent)
        remember(accepted.cookie, accepted.remote.address);
    else
        retry_soon();
    return sent;
}

void Spawn::start_waiting() {
    while (!waiting_.empty() && start(waiting_.front())) {
        // The program may have made it linger by now.
        context_.closer.close(std::move(waiting_.front().socket));
        waiting_.pop_front();
    }
}

void Spawn::pause() {
    paused_ = true;
    pause_.set(kFailedStartPause, [this] {
        paused_ = false;
        on_room();
    });
}

void Spawn::retry_soon() {
    if (std::exchange(retry_is_set_, true)) return;
    retry_.set(kRetryDelay, [this] {
        retry_is_set_ = false;
        on_room();
        if (starved_) demand();
    });
}

void Spawn::on_room() {
    start_waiting();
    if (!starved_ || !has_room()) return;
    starved_ = false;
    context_.on_room();
}

}  // namespace

std::unique_ptr<Delivery> make_spawn(const DeliveryContext& context) {
    return std::make_unique<Spawn>(context);
}

}  // namespace portier::delivery
