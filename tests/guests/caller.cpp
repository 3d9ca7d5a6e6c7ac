#include "caller.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "clock.hpp"

namespace portier::guests {
namespace {

constexpr std::size_t kBuffer = 64UL * 1024;  // also the largest datagram
constexpr std::uint64_t kOneSegment = 1024;

// One byte more than the rest of the answer, so that a too long answer is noticed.
std::size_t room_for_answer(std::uint64_t size, std::uint64_t received) {
    return static_cast<std::size_t>(std::min<std::uint64_t>(size - received + 1, kBuffer));
}

bool would_block(int error) {
    return error == EAGAIN || error == EINTR;
}

}  // namespace

Caller::Caller(const Options& options, std::uint32_t process, Loop& loop, Tally& tally)
    : options_(options),
      udp_(options.mode == ModeName::udp),
      loop_(loop),
      tally_(tally),
      pattern_(options.seed),
      sources_(options.sources, process * (options.sources / options.processes)),
      target_size_(net::to_sockaddr(options.target, target_)),
      out_(kBuffer),
      in_(kBuffer) {}

Ending Caller::open(Connection& connection) {
    const int type = (udp_ ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    connection.fd.reset(::socket(target_.ss_family, type, 0));
    if (!connection.fd) return failure(errno, connection);
    const int fd = connection.fd.get();
    connection.state = State::connecting;
    if (const auto error = sources_.bind_next(fd)) return failure(error.value(), connection);
    // Nagle holds back the end of a long request only: before a short one nothing is in flight.
    const int on = 1;
    if (!udp_ && options_.size > kOneSegment) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&target_), target_size_) != 0 && errno != EINPROGRESS)
        return failure(errno, connection);
    if (udp_) {
        connection.established = true;
        connection.state = State::idle;
        loop_.watch(connection, EPOLLIN);
    }
    return {};
}

void Caller::await(Connection& connection) {
    loop_.watch(connection, EPOLLOUT);
}

Ending Caller::confirm(Connection& connection) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(connection.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return failure(error, connection);
    count_established(connection);
    connection.state = State::idle;
    loop_.watch(connection, EPOLLIN);
    return Outcome::ok;
}

void Caller::count_established(Connection& connection) {
    connection.established = true;
    ++tally_.connections;
    tally_.connect.record(now_ns() - connection.begun_ns);
}

Ending Caller::ask(Connection& connection) {
    ++connection.sequence;
    connection.sent = 0;
    connection.received = 0;
    connection.state = State::asking;
    return send_rest(connection);
}

Ending Caller::advance(Connection& connection, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && connection.sent < options_.size) {
        if (const auto ending = send_rest(connection)) return ending;
    }
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return {};
    return udp_ ? receive_datagrams(connection) : receive(connection);
}

Ending Caller::send_rest(Connection& connection) {
    const Message message(pattern_, connection.id, connection.sequence);
    while (connection.sent < options_.size) {
        const auto chunk = std::span(out_).first(std::min<std::uint64_t>(options_.size - connection.sent, kBuffer));
        message.copy(connection.sent, chunk);
        // While the connection is being made this says EAGAIN; most often it is made by now, and an epoll round is
        // saved.
        const ssize_t sent = ::send(connection.fd.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
        if (sent < 0 && would_block(errno)) break;
        if (sent < 0) return failure(errno, connection);
        if (!connection.established) count_established(connection);
        connection.sent += static_cast<std::uint64_t>(sent);
        tally_.sent_bytes += static_cast<std::uint64_t>(sent);
    }
    const bool all_sent = connection.sent == options_.size;
    loop_.watch(connection, all_sent ? EPOLLIN : EPOLLIN | EPOLLOUT);
    return {};
}

Ending Caller::receive(Connection& connection) {
    const Message message(pattern_, connection.id, connection.sequence);
    while (true) {
        const std::size_t room = room_for_answer(options_.size, connection.received);
        const ssize_t received = ::recv(connection.fd.get(), in_.data(), room, 0);
        if (received < 0 && would_block(errno)) return {};
        if (received < 0) return failure(errno, connection);
        if (received == 0) return Outcome::short_answer;
        const auto bytes = std::span(in_).first(static_cast<std::size_t>(received));
        tally_.received_bytes += bytes.size();
        if (connection.received + bytes.size() > connection.sent) return Outcome::wrong_answer;
        if (!message.matches(connection.received, bytes)) return Outcome::wrong_answer;
        connection.received += bytes.size();
        if (connection.received == options_.size) break;
        if (bytes.size() < room) return {};
    }
    connection.state = State::idle;
    return Outcome::ok;
}

Ending Caller::receive_datagrams(Connection& connection) {
    const Message message(pattern_, connection.id, connection.sequence);
    while (true) {
        const ssize_t received = ::recv(connection.fd.get(), in_.data(), in_.size(), 0);
        if (received < 0 && would_block(errno)) return {};
        if (received < 0) return failure(errno, connection);
        const auto bytes = std::span(in_).first(static_cast<std::size_t>(received));
        tally_.received_bytes += bytes.size();
        if (is_earlier_message(connection, bytes)) {
            ++tally_.late;
            continue;
        }
        connection.state = State::idle;
        if (bytes.size() > options_.size || !message.matches(0, bytes)) return Outcome::wrong_answer;
        return bytes.size() < options_.size ? Outcome::short_answer : Outcome::ok;
    }
}

bool Caller::is_earlier_message(const Connection& connection, std::span<const std::byte> datagram) const {
    if (datagram.size() != options_.size) return false;
    const std::uint32_t sequence = Message::sequence_of(datagram);
    const bool answered = connection.state == State::idle && sequence == connection.sequence;
    if (!answered && (sequence == 0 || sequence >= connection.sequence)) return false;
    return Message(pattern_, connection.id, sequence).matches(0, datagram);
}

Ending Caller::overhear(Connection& connection) {
    if (udp_) {
        const Ending ending = receive_datagrams(connection);
        // A flow outlives its handler: an ICMP error between two requests says nothing about the next one.
        return ending == Outcome::refused ? std::nullopt : ending;
    }
    const ssize_t received = ::recv(connection.fd.get(), in_.data(), in_.size(), 0);
    if (received < 0 && would_block(errno)) return {};
    if (received < 0) return failure(errno, connection);
    tally_.received_bytes += static_cast<std::uint64_t>(received);
    return received == 0 ? Outcome::short_answer : Outcome::wrong_answer;
}

Outcome Caller::failure(int error, const Connection& connection) {
    switch (error) {
        case ECONNREFUSED: return Outcome::refused;
        case ETIMEDOUT: return Outcome::timeout;
        case ECONNRESET:
        case ECONNABORTED:
        case EPIPE: {
            const bool asked = connection.state == State::asking && connection.sent >= options_.size;
            return asked ? Outcome::reset_after_request : Outcome::reset_before_request;
        }
        default: break;
    }
    if (tally_.system_errno == 0) tally_.system_errno = error;
    return Outcome::system_error;
}

}  // namespace portier::guests
