#include "stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "clock.hpp"

namespace portier::guests {
namespace {

Schedule opening_of(const Context& context) {
    const Options& options = context.options;
    return {.total = options.slots, .processes = options.processes, .index = context.process};
}

// Every connection begins at another place of the pattern.
std::uint64_t position(const Connection& connection, std::uint64_t offset) {
    return std::uint64_t{connection.id} * 7919 + offset;
}

}  // namespace

Stream::Stream(const Context& context)
    : Mode(context, opening_of(context)), in_(std::max<std::uint64_t>(options_.size, Pattern::kWindow)) {}

void Stream::on_opened(Connection& connection, Outcome outcome) {
    if (outcome == Outcome::ok) return;
    tally_.count(outcome);
    connection.close();
    ++ended_;
}

void Stream::release(std::int64_t now) {
    released_ = true;
    tally_.started_ns = now;
    tally_.finished_ns = now;
    for (Connection& connection : connections_) {
        if (connection.state != State::idle) continue;
        connection.state = State::asking;
        set_deadline(connection, now);
        loop_.watch(connection, EPOLLIN | EPOLLOUT);
    }
}

void Stream::proceed(std::int64_t now) {
    if (!released_ || time_is_over_) return;
    const std::int64_t duration = options_.duration.count();
    if (!stopped_ && (duration == 0 || now < tally_.started_ns + duration)) return;
    time_is_over_ = true;
    for (Connection& connection : connections_) {
        if (connection.state != State::asking) continue;
        loop_.watch(connection, EPOLLIN);
        if (connection.received == connection.sent) end(connection, Outcome::ok);
    }
}

std::uint64_t Stream::left_to_send(const Connection& connection) const {
    if (time_is_over_) return 0;
    const std::uint64_t total = options_.total == 0 ? std::numeric_limits<std::uint64_t>::max() : options_.total;
    return total - connection.sent;
}

void Stream::on_io(Connection& connection, std::uint32_t events) {
    Ending ending;
    if (connection.state != State::asking) {
        ending = caller_.overhear(connection);
    } else {
        if ((events & EPOLLOUT) != 0) ending = send_some(connection);
        if (!ending && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) ending = receive_some(connection);
    }
    if (ending) end(connection, *ending);
}

Ending Stream::send_some(Connection& connection) {
    const auto size = std::min(options_.size, left_to_send(connection));
    const auto bytes = caller_.pattern().window(position(connection, connection.sent)).first(size);
    const ssize_t sent = ::send(connection.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? Ending{} : caller_.failure(errno, connection);
    connection.sent += static_cast<std::uint64_t>(sent);
    tally_.sent_bytes += static_cast<std::uint64_t>(sent);
    if (left_to_send(connection) == 0) loop_.watch(connection, EPOLLIN);
    return {};
}

Ending Stream::receive_some(Connection& connection) {
    const ssize_t received = ::recv(connection.fd.get(), in_.data(), Pattern::kWindow, 0);
    if (received < 0) return errno == EAGAIN ? Ending{} : caller_.failure(errno, connection);
    if (received == 0) return Outcome::short_answer;
    const auto bytes = std::span(in_).first(static_cast<std::size_t>(received));
    tally_.received_bytes += bytes.size();
    if (connection.received + bytes.size() > connection.sent) return Outcome::wrong_answer;
    if (!caller_.pattern().matches(position(connection, connection.received), bytes)) return Outcome::wrong_answer;
    connection.received += bytes.size();
    set_deadline(connection, now_ns());
    const bool all_back = connection.received == connection.sent && left_to_send(connection) == 0;
    return all_back ? Ending{Outcome::ok} : Ending{};
}

void Stream::end(Connection& connection, Outcome outcome) {
    tally_.count(outcome);
    tally_.finished_ns = now_ns();
    connection.close();
    ++ended_;
}

void Stream::on_deadline(Connection& connection) {
    end(connection, Outcome::timeout);
}

bool Stream::finished(std::int64_t) const {
    return released_ && ended_ == connections_.size();
}

std::uint64_t Stream::unfinished() const {
    return connections_.size() - ended_;
}

}  // namespace portier::guests
