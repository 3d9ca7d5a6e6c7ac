#include "delivery/handoff/handoff.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include "base/alarm.hpp"
#include "base/log.hpp"
#include "delivery/balance.hpp"
#include "delivery/descriptors.hpp"
#include "delivery/handoff/channel_poll.hpp"
#include "delivery/handoff/process_channel.hpp"
#include "delivery/handover.hpp"
#include "delivery/plan.hpp"
#include "metrics/board.hpp"
#include "net/lingering_closer.hpp"
#include "net/socket.hpp"

namespace portier::delivery {

namespace {

// For what no message of a process will tell us is over: a full queue, records that are read too slowly.
constexpr std::chrono::milliseconds kRetryDelay{20};
// So long connections wait for room before the log says so.
constexpr std::chrono::seconds kHungry{3};
constexpr std::uint32_t kNoProcess = 0;  // the board's row of nobody

class Handoff final : public Delivery {
public:
    explicit Handoff(const DeliveryContext& context)
        : context_(context),
          poll_(context.io, [this](std::uint32_t number) { on_readable(number); }),
          retry_(context.io),
          hunger_(context.io) {}

    bool is_behind() const override { return context_.board.handovers.nearly_full(); }

    bool has_room() const override {
        if (is_behind()) return false;
        return waiting_.empty() && std::any_of(processes_.begin(), processes_.end(),
                                               [](const Process& p) { return p.channel->has_room(); });
    }

    void deliver(Accepted accepted) override {
        auto refused = try_to_deliver(std::move(accepted));
        if (!refused) return;
        record(*refused, kNoProcess);
        waiting_.push_back(std::move(*refused));
        retry_soon();
    }

    void demand() override {
        starved_ = true;
        // Room may have come since the listener asked, and then nobody will say so again.
        if (is_behind() || has_room()) retry_soon();
        if (!processes_.empty() && !std::exchange(hunger_is_set_, true)) hunger_.set(kHungry, [this] { complain(); });
        if (!on_demand_ || demanded_ || !processes_.empty()) return;
        demanded_ = context_.on_demand(row_);
        if (!demanded_) retry_soon();
    }

    void end_of_burst() override {
        poll_.look_if_lazy();
        if (!has_room()) poll_.be_eager();
    }

    void update(const HandlerPlan& plan, const std::set<std::uint32_t>& leaving, Descriptors& descriptors) override;
    void evict(const net::Eviction& eviction) override;

    bool idle() const override {
        const auto nothing_under_way = [](const Process& p) { return p.channel->idle(); };
        return waiting_.empty() && std::all_of(processes_.begin(), processes_.end(), nothing_under_way) &&
               std::all_of(leaving_.begin(), leaving_.end(), nothing_under_way);
    }

private:
    struct Process {
        std::uint32_t number;  // of the channel's descriptor: the identity of this process
        std::uint32_t slot;
        std::unique_ptr<ProcessChannel> channel;
    };

    ProcessChannel* pick(const net::Address& source);
    std::optional<Accepted> try_to_deliver(Accepted accepted);
    void record(const Accepted& accepted, std::uint32_t process_row);
    void retry_soon();
    void complain();
    void let_go(const std::set<std::uint32_t>& leaving);
    void on_room();
    void on_readable(std::uint32_t number);
    void deliver_waiting();
    void on_dead(std::uint32_t number, std::vector<Accepted> left);
    Process make_process(const ProcessPlan& plan, Fd channel);

    DeliveryContext context_;
    std::uint32_t row_ = 0;
    std::string name_;
    std::string dialect_;
    bool on_demand_ = false;
    bool demanded_ = false;  // asked for a process; the next plan answers
    bool starved_ = false;   // a listener found no room and waits to hear that there is some
    BalanceRule rule_ = BalanceRule::round_robin;
    std::size_t turn_ = 0;
    std::vector<Process> processes_;  // get new connections
    std::vector<Process> leaving_;    // told that no more will come; gone when the process ends
    ChannelPoll poll_;
    std::deque<Accepted> waiting_;  // redeliveries for which no process has room yet
    std::vector<Candidate> candidates_;
    Alarm retry_;
    bool retry_is_set_ = false;
    Alarm hunger_;
    bool hunger_is_set_ = false;
};

void Handoff::update(const HandlerPlan& plan, const std::set<std::uint32_t>& leaving, Descriptors& descriptors) {
    row_ = plan.row;
    if (!plan.name.empty()) name_ = plan.name;
    on_demand_ = plan.on_demand;
    demanded_ = false;
    const bool gone = plan.delivery.empty();  // the configuration has no such handler any more
    if (!gone) {
        rule_ = balance_rule(plan.balance);
        dialect_ = plan.dialect;
    }
    std::vector<Process> next;
    for (const ProcessPlan& wanted : plan.processes) {
        const auto same = [&](const Process& p) { return p.number == wanted.channel; };
        const auto present = std::find_if(processes_.begin(), processes_.end(), same);
        if (present != processes_.end()) {
            next.push_back(std::move(*present));
            processes_.erase(present);
        } else if (Fd channel = descriptors.take(wanted.channel)) {
            next.push_back(make_process(wanted, std::move(channel)));
        }
    }
    for (Process& process : processes_) {
        process.channel->drain();
        leaving_.push_back(std::move(process));
    }
    processes_ = std::move(next);
    let_go(leaving);
    deliver_waiting();
    if (!gone) return;
    // Nobody will ever take those that wait. A reset, because a peaceful end would look like an answer.
    for (const Accepted& accepted : waiting_) net::reset_on_close(accepted.socket.get());
    waiting_.clear();
}

// The keeper knows that a process has ended, even where a child of it keeps the channel open.
void Handoff::let_go(const std::set<std::uint32_t>& leaving) {
    std::vector<std::uint32_t> ended;
    for (const Process& process : leaving_)
        if (!leaving.contains(process.number)) ended.push_back(process.number);
    for (const std::uint32_t number : ended)
        for (Process& process : leaving_)
            if (process.number == number) {
                process.channel->end();
                break;
            }
}

Handoff::Process Handoff::make_process(const ProcessPlan& plan, Fd channel) {
    ProcessChannel::Events events{
        .room = [this] { on_room(); },
        .dead = [this, number = plan.channel](std::vector<Accepted> left) { on_dead(number, std::move(left)); },
        .broken =
            [this, row = plan.row, slot = plan.slot] {
                log_limited(LogSeverity::warning, "a process does not keep to the handoff contract",
                            {{"handler", name_}, {"process", slot}});
                context_.on_broken(row);
            },
        .release = [this](Fd socket) { context_.closer.close(std::move(socket)); },
        .dispatched =
            [this](std::uint64_t microseconds) {
                context_.board.globals.dispatch_handoff.observe(metrics::kDispatchBounds, microseconds);
            },
        .returned =
            [this](Accepted accepted) {
                waiting_.push_back(std::move(accepted));
                retry_soon();
            },
        .later = [this] { retry_soon(); }};
    auto made = make_process_channel(dialect_, {.channel = std::move(channel),
                                                .row_number = plan.row,
                                                .row = context_.board.processes[plan.row],
                                                .handler = name_,
                                                .events = std::move(events)});
    poll_.add(plan.channel, made->descriptor(), made->watched());
    return {plan.channel, plan.slot, std::move(made)};
}

ProcessChannel* Handoff::pick(const net::Address& source) {
    candidates_.clear();
    for (const Process& process : processes_)
        candidates_.push_back({process.slot, process.channel->row().active(), process.channel->has_room()});
    const std::size_t index = choose(rule_, candidates_, source, turn_);
    return index == kNobody ? nullptr : processes_[index].channel.get();
}

// What nobody takes comes back. A process whose queue is full is passed over, so that it holds up nobody but itself.
std::optional<Accepted> Handoff::try_to_deliver(Accepted accepted) {
    while (ProcessChannel* channel = pick(accepted.remote.address)) {
        // Before the process can have it: its end may be announced at once, and then the ledger must know it.
        record(accepted, channel->row_number());
        // One message per connection on purpose: a router that is killed between accept and send loses what it holds,
        // so it never holds more than one (tests/e2e/router_crash_test.py).
        auto refused = channel->send(std::move(accepted));
        if (!refused) return std::nullopt;
        accepted = std::move(*refused);
    }
    return accepted;
}

void Handoff::record(const Accepted& accepted, std::uint32_t process_row) {
    context_.board.handovers.push(handover_of(accepted, process_row));
}

// Whoever has the most closes some.
void Handoff::evict(const net::Eviction& eviction) {
    const auto active = [](const Process& p) { return p.channel->row().active(); };
    const auto busiest = std::max_element(processes_.begin(), processes_.end(),
                                          [&](const Process& a, const Process& b) { return active(a) < active(b); });
    if (busiest != processes_.end()) busiest->channel->evict(eviction);
}

void Handoff::on_readable(std::uint32_t number) {
    for (std::vector<Process>* group : {&processes_, &leaving_})
        for (Process& process : *group)
            if (process.number == number) return process.channel->on_readable();
}

void Handoff::on_room() {
    deliver_waiting();
    if (!starved_ || !has_room()) return;
    starved_ = false;
    context_.on_room();
}

void Handoff::retry_soon() {
    if (std::exchange(retry_is_set_, true)) return;
    retry_.set(kRetryDelay, [this] {
        retry_is_set_ = false;
        for (std::vector<Process>* group : {&processes_, &leaving_})
            for (Process& process : *group) process.channel->retry();
        on_room();
        if (starved_ && !has_room()) demand();
    });
}

// Processes that are busy, stuck, or no handoff programs at all: to them connections would wait for ever, in silence.
void Handoff::complain() {
    hunger_is_set_ = false;
    if (!starved_ || has_room() || processes_.empty()) return;
    log_limited(LogSeverity::warning,
                "connections wait: no process of the handler has taken one for 3 s; it is busy, or does not speak the "
                "dialect (handlers/README.md; for other programs there are inherit, spawn and relay)",
                {{"handler", name_}, {"processes", processes_.size()}, {"dialect", dialect_}});
}

void Handoff::deliver_waiting() {
    while (!waiting_.empty() && !is_behind()) {
        auto refused = try_to_deliver(std::move(waiting_.front()));
        waiting_.pop_front();
        if (!refused) continue;
        waiting_.push_front(std::move(*refused));
        break;
    }
    if (!waiting_.empty()) retry_soon();
}

void Handoff::on_dead(std::uint32_t number, std::vector<Accepted> left) {
    if (!left.empty()) log_info("connections of a dead process go to another one", {{"connections", left.size()}});
    // Closing a channel takes it out of the poll only if the keeper did not hold a copy of it.
    const auto same = [this, number](const Process& p) {
        if (p.number != number) return false;
        poll_.remove(p.channel->descriptor());
        // No news if it is dead. After *stopping* it may leave its channel and finish what it has.
        if (!p.channel->row().stopping.get()) context_.on_broken(p.channel->row_number());
        return true;
    };
    std::erase_if(processes_, same);
    std::erase_if(leaving_, same);
    for (Accepted& accepted : left) waiting_.push_back(std::move(accepted));
    deliver_waiting();
}

}  // namespace

std::unique_ptr<Delivery> make_handoff(const DeliveryContext& context) {
    return std::make_unique<Handoff>(context);
}

}  // namespace portier::delivery
