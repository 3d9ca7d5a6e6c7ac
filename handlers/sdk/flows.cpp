#include "sdk/flows.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace portier::sdk {

namespace {

constexpr std::size_t kMaxDatagram = 65536;
// Read in one turn before other flows get theirs.
constexpr int kBudget = 64;

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Flows::Flows(Loop& loop, Answer answer) : loop_(loop), answer_(std::move(answer)), buffer_(kMaxDatagram) {}

void Flows::add(Fd socket, const net::Door& door, std::chrono::milliseconds idle) {
    const int fd = socket.get();
    const auto now = Clock::now();
    flows_[fd] = {std::move(socket), door.local.port, idle, now};
    for (const auto& datagram : door.datagrams) reply(fd, text_of(datagram));
    if (idle.count() > 0) next_expiry_ = std::min(next_expiry_.value_or(now + idle), now + idle);
    if (!loop_.add(fd, EPOLLIN)) close(fd);
}

void Flows::serve(int fd) {
    for (int count = 0; count < kBudget; ++count) {
        const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (size >= 0) reply(fd, {buffer_.data(), static_cast<std::size_t>(size)});
        // Other errors are ICMP messages about what was sent before: the next datagram may wait behind.
        if (size < 0 && errno == EAGAIN) return;
    }
}

void Flows::reply(int fd, std::string_view datagram) {
    flows_.at(fd).last = Clock::now();
    const auto text = answer_(datagram);
    if (!text) return;
    // An error that an earlier reply has left is reported once, in place of sending; what finds no room is lost, as UDP
    // allows.
    if (::send(fd, text->data(), text->size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
        ::send(fd, text->data(), text->size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Flows::evict(const net::Eviction& eviction) {
    std::vector<std::pair<Clock::time_point, int>> candidates;
    for (const auto& [fd, flow] : flows_)
        if (flow.local_port >= eviction.first && flow.local_port <= eviction.last)
            candidates.emplace_back(flow.last, fd);
    const auto count = std::min<std::size_t>(eviction.count, candidates.size());
    std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count), candidates.end());
    for (std::size_t i = 0; i < count; ++i) close(candidates[i].second);
}

void Flows::expire(Clock::time_point now) {
    if (!next_expiry_ || now < *next_expiry_) return;
    std::vector<int> idle;
    next_expiry_.reset();
    for (const auto& [fd, flow] : flows_) {
        if (flow.idle.count() == 0) continue;
        const auto end = flow.last + flow.idle;
        if (end <= now)
            idle.push_back(fd);
        else
            next_expiry_ = std::min(next_expiry_.value_or(end), end);
    }
    for (const int fd : idle) close(fd);
}

void Flows::finish() {
    std::vector<int> all;
    for (const auto& [fd, flow] : flows_) all.push_back(fd);
    for (const int fd : all) close(fd);
}

// What the client has sent by now would be lost with the socket, while what it sends next begins a new flow. So the
// socket first turns away from it: connected to itself it gets nothing more, and can be read empty.
void Flows::answer_the_rest(int fd) {
    sockaddr_storage client{}, own{};
    socklen_t client_size = sizeof client, own_size = sizeof own;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&client), &client_size) < 0) return;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) < 0) return;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&own), own_size) < 0) return;
    for (int errors = 0; errors < 2;) {
        const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN) return;
        if (size < 0) ++errors;
        if (size < 0) continue;
        if (const auto text = answer_({buffer_.data(), static_cast<std::size_t>(size)}))
            ::sendto(fd, text->data(), text->size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                     reinterpret_cast<const sockaddr*>(&client), client_size);
    }
}

void Flows::close(int fd) {
    answer_the_rest(fd);
    // portier may still hold its copy for a moment: closing ours would leave the socket in epoll.
    loop_.remove(fd);
    flows_.erase(fd);
    ++closed_;
}

}  // namespace portier::sdk
