#include "keeper/slot.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "keeper/waiting.hpp"
#include "net/socket.hpp"

namespace portier::keeper {

namespace {

// A process that lived this long was stable; its next end is the first again.
constexpr std::uint64_t kStableMs = 10'000;

// How the router reaches a process is no business of the process.
void ignore_relay(config::Handler& theirs, const config::Handler& mine) {
    theirs.connect = mine.connect;
    theirs.connect_timeout = mine.connect_timeout;
    theirs.attempts = mine.attempts;
    theirs.fail_timeout = mine.fail_timeout;
    theirs.health = mine.health;
    theirs.queue = mine.queue;
    theirs.source_address = mine.source_address;
    theirs.transparent = mine.transparent;
    theirs.proxy_protocol = mine.proxy_protocol;
    theirs.proxy_datagrams = mine.proxy_datagrams;
}

}  // namespace

bool SlotPlan::same_process(const SlotPlan& other) const {
    const config::Handler& mine = handler;
    config::Handler theirs = other.handler;
    theirs.processes = mine.processes;
    theirs.balance = mine.balance;
    theirs.restart = mine.restart;
    ignore_relay(theirs, mine);
    const auto same_socket = [](const InheritedSocket& a, const InheritedSocket& b) {
        return a.socket == b.socket && a.name == b.name;
    };
    return mine == theirs && slot == other.slot && sockets.size() == other.sockets.size() &&
           std::equal(sockets.begin(), sockets.end(), other.sockets.begin(), same_socket);
}

Slot::Slot(const SlotContext& context, SlotPlan plan, Events events)
    : context_(context),
      plan_(std::move(plan)),
      events_(std::move(events)),
      restart_(context.io),
      random_(std::random_device{}()) {}

Slot::~Slot() {
    set_waiting(false);
    if (process_) context_.rows.give_back_process(process_->row());
}

void Slot::start_candidate() {
    candidate_ = true;
    if (!on_demand()) spawn();
}

void Slot::start() {
    try {
        spawn();
    } catch (const std::exception& error) {  // also std::length_error: no row is left
        if (!accepts_as_inetd()) return schedule_restart(metrics::Restarted::failed, error.what());
        context_.board.handlers[context_.rows.handler(plan_.handler.name)]
            .exits[static_cast<std::size_t>(metrics::Exited::not_started)]
            .add();
        log_limited(LogSeverity::warning, "no process could be started for what has arrived",
                    {{"handler", plan_.handler.name}, {"process", plan_.slot}, {"error", error.what()}});
        rest(next_delay());
    }
}

// What the last process did to a socket that it inherited is not the next one's fault.
void Slot::repair_sockets() const {
    for (const InheritedSocket& inherited : plan_.sockets) {
        if (inherited.socket->backlog == 0) continue;
        const auto repaired = net::repair_socket(inherited.socket->fd.get(), inherited.socket->backlog);
        if (!repaired) continue;
        log_warning(*repaired
                        ? "a process has shut down or connected a socket that it inherited"
                        : "a process had shut down or connected a socket that it inherited; it is as before again",
                    {{"handler", plan_.handler.name},
                     {"port", inherited.name},
                     {"error", *repaired ? repaired->message() : "none"}});
    }
}

void Slot::spawn() {
    set_waiting(false);
    repair_sockets();
    const bool handoff = plan_.handler.delivery == config::Delivery::handoff;
    ProcessSetup setup{.handler = plan_.handler,
                       .slot = plan_.slot,
                       .sockets = plan_.sockets,
                       .channel_number = handoff ? context_.next_number++ : 0,
                       .row = context_.rows.take_process(),
                       .handler_row = context_.rows.handler(plan_.handler.name)};
    HandlerProcess::Events events{.ready = [this] { events_.changed(); },
                                  .ended = [this](const ProcessEnd& end) { on_ended(end); }};
    const std::uint32_t row = setup.row;
    started_ms_ = monotonic_milliseconds();
    try {
        process_ = std::make_unique<HandlerProcess>(HandlerContext{context_.io, context_.board, context_.closer},
                                                    std::move(setup), std::move(events));
    } catch (...) {
        context_.rows.give_back_process(row);
        throw;
    }
    log_info("process started", {{"handler", plan_.handler.name}, {"process", plan_.slot}, {"pid", process_->pid()}});
    if (process_->is_ready()) events_.changed();
}

bool Slot::sleeps() const {
    return on_demand() && !process_ && !waiting_;
}

void Slot::on_ended(const ProcessEnd& end) {
    const bool was_ready = process_->is_ready();
    context_.rows.give_back_process(process_->row());
    process_.reset();
    if (candidate_ && !was_ready) return events_.failed(end);
    // Who starts on demand may also end when there is nothing to do; the next connection starts it again.
    if (on_demand() && (end.clean || accepts_as_inetd()))
        rest(took_nothing()
                 ? next_delay()
                 : plan_.handler.restart.first - std::chrono::milliseconds(monotonic_milliseconds() - started_ms_));
    else
        schedule_restart(end.reason, end.text);
    events_.changed();
}

void Slot::schedule_restart(metrics::Restarted reason, const std::string& text) {
    const auto delay = next_delay();
    last_end_ = text;
    log_warning(
        "process ended, another one follows",
        {{"handler", plan_.handler.name}, {"process", plan_.slot}, {"reason", text}, {"after_ms", delay.count()}});
    set_waiting(true);
    restart_.set(delay, [this, reason] {
        context_.board.handlers[context_.rows.handler(plan_.handler.name)]
            .restarts[static_cast<std::size_t>(reason)]
            .add();
        start();
    });
}

// inetd-wait: all that the process before left waiting was still waiting when this one ended, which had not run long.
bool Slot::took_nothing() {
    if (!accepts_as_inetd()) return false;
    const bool short_life = monotonic_milliseconds() - started_ms_ < kStableMs;
    const auto left = short_life ? waiting_at(plan_.sockets.front().socket->fd.get()) : std::set<std::uint64_t>();
    const auto before = std::exchange(left_, left);
    if (before.empty() || !std::includes(left.begin(), left.end(), before.begin(), before.end())) {
        delay_ = {};
        untaken_told_ = false;
        return false;
    }
    if (!std::exchange(untaken_told_, true))
        log_warning(
            "a program takes nothing of what waits for it, it is started less and less often: does it accept or read "
            "from its standard input, as `inetd-wait` demands?",
            {{"handler", plan_.handler.name}, {"port", plan_.sockets.front().name}});
    return true;
}

// Doubles from `first` to `max`; up to a tenth less at random, so that many slots do not start in step.
std::chrono::milliseconds Slot::next_delay() {
    const config::Restart& restart = plan_.handler.restart;
    const bool stable = monotonic_milliseconds() - started_ms_ >= kStableMs;
    delay_ = stable || delay_.count() == 0 ? restart.first : std::min(restart.max, delay_ * 2);
    std::uniform_int_distribution<std::int64_t> jitter(0, delay_.count() / 10);
    return delay_ - std::chrono::milliseconds(jitter(random_));
}

// A program that ends at once, without having served, would otherwise be started again and again without a pause by the
// connection that still waits.
void Slot::rest(std::chrono::milliseconds time) {
    if (time.count() <= 0) return;
    set_waiting(true);
    restart_.set(time, [this] {
        set_waiting(false);
        events_.changed();
    });
}

void Slot::set_waiting(bool waiting) {
    if (std::exchange(waiting_, waiting) == waiting) return;
    if (waiting) {
        show_waiting();
    } else if (waiting_row_ != 0) {
        context_.board.processes[waiting_row_].state.store(0, std::memory_order_relaxed);
        context_.rows.give_back_process(std::exchange(waiting_row_, 0));
    }
}

void Slot::show_waiting() {
    try {
        waiting_row_ = context_.rows.take_process();
    } catch (const std::length_error&) {
        return;  // it waits all the same
    }
    metrics::ProcessRow& row = context_.board.processes[waiting_row_];
    row.handler.store(context_.rows.handler(plan_.handler.name), std::memory_order_relaxed);
    row.slot.store(plan_.slot, std::memory_order_relaxed);
    row.state.store(static_cast<std::uint32_t>(metrics::ProcessState::waiting), std::memory_order_relaxed);
}

std::unique_ptr<HandlerProcess> Slot::release() {
    restart_.cancel();
    return std::move(process_);
}

}  // namespace portier::keeper
