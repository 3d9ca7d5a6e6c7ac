#include "hold.hpp"

#include <algorithm>

#include "clock.hpp"

namespace portier::guests {
namespace {

Schedule opening_of(const Context& context) {
    const Options& options = context.options;
    return {.rate = options.rate, .total = options.slots, .processes = options.processes, .index = context.process};
}

}  // namespace

Hold::Hold(const Context& context)
    : Mode(context, opening_of(context)), window_(std::max<std::uint32_t>(1, options_.opening / options_.processes)) {
    tally_.started_ns = now_ns();
}

void Hold::on_opened(Connection& connection, Outcome outcome) {
    tally_.finished_ns = now_ns();
    if (outcome != Outcome::ok) return lose(connection, outcome);
    share_.open.fetch_add(1, std::memory_order_relaxed);
    if (options_.greet) ask(connection);
}

void Hold::release(std::int64_t) {
    released_ = true;
    tally_.held = share_.open.load(std::memory_order_relaxed);
}

void Hold::proceed(std::int64_t) {
    if (!released_) return;
    while (next_to_check_ < connections_.size() && asking_ < window_) {
        Connection& connection = connections_[next_to_check_++];
        if (connection.state == State::idle) ask(connection);
    }
}

void Hold::ask(Connection& connection) {
    ++asking_;
    connection.begun_ns = now_ns();
    set_deadline(connection, connection.begun_ns);
    if (const auto ending = caller_.ask(connection)) lose(connection, *ending);
}

void Hold::on_io(Connection& connection, std::uint32_t events) {
    const bool asked = connection.state == State::asking;
    const Ending ending = asked ? caller_.advance(connection, events) : caller_.overhear(connection);
    if (!ending) return;
    if (*ending != Outcome::ok) return lose(connection, *ending);
    answered(connection);
}

void Hold::answered(Connection& connection) {
    --asking_;
    connection.deadline_ns = 0;
    tally_.response.record(now_ns() - connection.begun_ns);
    if (!released_) return;
    // It stays open, but what happens to it from now on does not count.
    loop_.forget(connection);
    tally_.count(Outcome::ok);
    share_.asked.fetch_add(1, std::memory_order_relaxed);
    ++ended_;
}

void Hold::lose(Connection& connection, Outcome outcome) {
    if (connection.state == State::asking) --asking_;
    if (connection.established) share_.open.fetch_sub(1, std::memory_order_relaxed);
    connection.close();
    tally_.count(outcome);
    ++ended_;
}

void Hold::on_deadline(Connection& connection) {
    lose(connection, Outcome::timeout);
}

bool Hold::finished(std::int64_t) const {
    return released_ && ended_ == connections_.size();
}

std::uint64_t Hold::unfinished() const {
    return connections_.size() - ended_;
}

}  // namespace portier::guests
