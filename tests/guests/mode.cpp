#include "mode.hpp"

#include <algorithm>

#include "clock.hpp"
#include "hold.hpp"
#include "requests.hpp"
#include "stream.hpp"

namespace portier::guests {
namespace {

constexpr std::int64_t kCheckEvery = 50 * kMillisecond;  // how late a deadline may be noticed

}  // namespace

Mode::Mode(const Context& context, const Schedule& opening)
    : options_(context.options),
      share_(context.share),
      tally_(context.share.tally),
      loop_(context.loop),
      caller_(options_, context.process, loop_, tally_),
      connections_(share_of(options_.slots, context.process, options_.processes)),
      opening_pacer_(opening),
      to_open_(static_cast<std::uint32_t>(opening_pacer_.remaining())),
      window_(std::max<std::uint32_t>(1, options_.opening / options_.processes)),
      timeout_ns_(options_.timeout.count()) {
    for (std::uint32_t slot = 0; slot < connections_.size(); ++slot) {
        connections_[slot].slot = slot;
        connections_[slot].id = slot * options_.processes + context.process;
    }
    opening_pacer_.start(now_ns());
}

void Mode::step(std::int64_t now) {
    open_some(now);
    if (now >= next_check_ns_) check_deadlines(now);
    proceed(now);
}

void Mode::open_some(std::int64_t now) {
    while (may_open() && opening_pacer_.due(now)) {
        Connection& connection = connections_[next_++];
        ++opening_;
        connection.begun_ns = opening_pacer_.take(now);
        set_deadline(connection, now);
        if (const auto ending = caller_.open(connection)) {
            settle_opening(connection, *ending);
        } else if (connection.state == State::idle) {
            settle_opening(connection, Outcome::ok);
        } else {
            caller_.await(connection);
        }
        now = now_ns();
    }
}

void Mode::settle_opening(Connection& connection, Outcome outcome) {
    --opening_;
    share_.opened.fetch_add(1, std::memory_order_relaxed);
    connection.deadline_ns = 0;
    if (outcome != Outcome::ok) connection.close();
    on_opened(connection, outcome);
}

void Mode::on_event(std::uint32_t slot, std::uint32_t events) {
    Connection& connection = connections_[slot];
    if (connection.state == State::connecting) {
        settle_opening(connection, *caller_.confirm(connection));
    } else {
        on_io(connection, events);
    }
}

void Mode::check_deadlines(std::int64_t now) {
    next_check_ns_ = now + kCheckEvery;
    for (Connection& connection : connections_) {
        if (connection.deadline_ns == 0 || now < connection.deadline_ns) continue;
        if (connection.state == State::connecting) {
            settle_opening(connection, Outcome::timeout);
        } else {
            on_deadline(connection);
        }
    }
}

std::int64_t Mode::wakeup_ns(std::int64_t now) const {
    return std::min(next_check_ns_, may_open() ? opening_pacer_.next_ns(now) : next_check_ns_);
}

void Mode::give_up() {
    tally_.count(Outcome::timeout, unfinished());
    for (Connection& connection : connections_) connection.close();
}

std::unique_ptr<Mode> make_mode(const Context& context) {
    switch (context.options.mode) {
        case ModeName::hold: return std::make_unique<Hold>(context);
        case ModeName::stream: return std::make_unique<Stream>(context);
        case ModeName::crr:
        case ModeName::rr:
        case ModeName::udp: break;
    }
    return std::make_unique<Requests>(context);
}

}  // namespace portier::guests
