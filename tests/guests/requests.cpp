#include "requests.hpp"

#include <algorithm>

#include "clock.hpp"

namespace portier::guests {
namespace {

constexpr std::int64_t kRest = 10 * kMillisecond;  // after an error of this machine, instead of spinning

bool keeps_connections(const Options& options) {
    return options.mode != ModeName::crr && !options.new_flow_per_request;
}

Schedule opening_of(const Context& context) {
    const Options& options = context.options;
    const std::uint64_t total = keeps_connections(options) ? options.slots : 0;
    return {.total = total, .processes = options.processes, .index = context.process};
}

Schedule requests_of(const Context& context) {
    const Options& options = context.options;
    return {.rate = options.rate,
            .total = options.total,
            .duration_ns = options.duration.count(),
            .processes = options.processes,
            .index = context.process};
}

}  // namespace

Requests::Requests(const Context& context)
    : Mode(context, opening_of(context)),
      keeps_connections_(keeps_connections(options_)),
      pacer_(requests_of(context)),
      free_(connections_.size()) {
    if (keeps_connections_) return;
    for (const Connection& connection : connections_) free_.push(connection.slot);
}

void Requests::on_opened(Connection& connection, Outcome outcome) {
    // A failed attempt is an operation like those that follow.
    if (outcome != Outcome::ok) {
        tally_.count(outcome);
        if (pacer_.remaining() > 0) pacer_.take(0);
    }
    free_.push(connection.slot);
}

void Requests::release(std::int64_t now) {
    released_ = true;
    tally_.started_ns = now;
    tally_.finished_ns = now;
    pacer_.start(now);
}

void Requests::proceed(std::int64_t now) {
    if (!released_) return;
    // One round at most: operations that end at once must not keep the loop from its other duties.
    for (std::size_t begun = 0; begun < connections_.size() && !free_.empty() && pacer_.due(now); ++begun) {
        begin(connections_[free_.pop()], now);
        now = now_ns();
    }
}

void Requests::begin(Connection& connection, std::int64_t now) {
    connection.begun_ns = pacer_.take(now);
    set_deadline(connection, now);
    ++active_;
    Ending ending;
    if (connection.state == State::closed) ending = caller_.open(connection);
    if (!ending) ending = caller_.ask(connection);
    if (ending) settle(connection, *ending);
}

void Requests::on_io(Connection& connection, std::uint32_t events) {
    if (connection.state == State::asking) {
        if (const auto ending = caller_.advance(connection, events)) settle(connection, *ending);
    } else if (const auto ending = caller_.overhear(connection)) {
        // It broke between two requests: its slot is in the queue, and the next operation opens it again.
        tally_.count(*ending);
        keep_or_close(connection, *ending);
    }
}

void Requests::settle(Connection& connection, Outcome outcome) {
    --active_;
    const std::int64_t now = now_ns();
    tally_.count(outcome);
    tally_.finished_ns = now;
    if (outcome == Outcome::ok) tally_.response.record(now - connection.begun_ns);
    keep_or_close(connection, outcome);
    if (outcome == Outcome::system_error) {
        connection.state = State::resting;
        connection.deadline_ns = now + kRest;
    } else {
        free_.push(connection.slot);
    }
}

void Requests::keep_or_close(Connection& connection, Outcome outcome) {
    connection.deadline_ns = 0;
    const bool flow_stays = options_.mode == ModeName::udp && outcome != Outcome::system_error;
    if (keeps_connections_ && (outcome == Outcome::ok || flow_stays)) {
        connection.state = State::idle;
    } else {
        connection.close();
    }
}

void Requests::on_deadline(Connection& connection) {
    if (connection.state == State::asking) {
        settle(connection, Outcome::timeout);
    } else {
        connection.close();  // it has rested
        free_.push(connection.slot);
    }
}

std::int64_t Requests::wakeup_ns(std::int64_t now) const {
    const std::int64_t others = Mode::wakeup_ns(now);
    const bool may_begin = released_ && !free_.empty() && !pacer_.exhausted(now);
    return may_begin ? std::min(others, pacer_.next_ns(now)) : others;
}

bool Requests::finished(std::int64_t now) const {
    return released_ && active_ == 0 && pacer_.exhausted(now);
}

std::uint64_t Requests::unfinished() const {
    return active_ + pacer_.remaining();
}

}  // namespace portier::guests
