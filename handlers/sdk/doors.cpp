#include "sdk/doors.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "base/error.hpp"
#include "net/channel.hpp"
#include "sdk/environment.hpp"

namespace portier::sdk {

namespace {

// More than one message of the largest size, so that many small ones are acknowledged together.
constexpr std::size_t kBufferSize = 4 * net::kMaxMessage;
constexpr std::size_t kMaxWindow = 1024;
constexpr std::size_t kMaxReserve = 64;

std::size_t open_descriptors() {
    std::error_code error;
    const std::filesystem::directory_iterator list("/proc/self/fd", error);
    // One of the entries is the listing's own descriptor.
    return error ? 16 : static_cast<std::size_t>(std::distance(begin(list), end(list))) - 1;
}

// Sockets that fit beside what is open now and a reserve for the program's own files.
std::size_t socket_capacity() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) throw_errno("getrlimit");
    const auto total = static_cast<std::size_t>(limit.rlim_cur);
    const std::size_t kept = open_descriptors() + std::min(kMaxReserve, total / 4);
    if (kept >= total)
        throw std::runtime_error("the limit of " + std::to_string(total) +
                                 " open files leaves no room for a connection: raise limits.open_files");
    return total - kept;
}

// Powers of two only: the window then changes rarely while the room goes up and down.
std::uint32_t window_for(std::size_t room) {
    return static_cast<std::uint32_t>(std::bit_floor(std::min(room, kMaxWindow)));
}

bool is_full(const std::error_code& error) {
    return error == std::errc::resource_unavailable_try_again || error == std::errc::no_buffer_space;
}

std::vector<std::byte> encode_stopping() {
    std::vector<std::byte> message;
    net::encode_header(message, net::HandoffType::stopping);
    return message;
}

}  // namespace

std::optional<Doors> Doors::from_environment() {
    if (!std::getenv("PORTIER_FD")) return std::nullopt;
    const auto number = number_from_environment<unsigned short>("PORTIER_FD");
    ::unsetenv("PORTIER_FD");
    if (!number) throw std::runtime_error("PORTIER_FD is not a descriptor number");
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(*number, SOL_SOCKET, SO_TYPE, &type, &size) < 0) throw_errno("PORTIER_FD");
    if (type != SOCK_SEQPACKET) throw std::runtime_error("PORTIER_FD is not a SOCK_SEQPACKET socket");
    if (::fcntl(*number, F_SETFD, FD_CLOEXEC) < 0) throw_errno("PORTIER_FD");
    return Doors(Fd(*number));
}

Doors::Doors(Fd channel)
    : channel_(std::move(channel)),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(kBufferSize)),
      capacity_(socket_capacity()) {
    adjust_window();
    flush();
}

void Doors::closed(std::size_t count) {
    held_ -= std::min(count, held_);
    if (state_ != State::open) return;
    adjust_window();
    if (credit_due_) flush();
}

void Doors::stop() {
    stopping_due_ = true;
    flush();
}

void Doors::collect() {
    arrivals_.clear();
    std::span<std::byte> free(buffer_.get(), kBufferSize);
    while (free.size() >= net::kMaxMessage && (state_ == State::open || state_ == State::draining)) {
        net::Received received = net::receive_message(channel_.get(), free.first(net::kMaxMessage));
        if (is_full(received.error)) break;
        // portier went away without reading all that we said: reported once, before the doors that still wait.
        if (received.error == std::errc::connection_reset) continue;
        if (received.error == std::errc::broken_pipe)
            state_ = State::ended;
        else if (received.error)
            fail("receiving from portier: " + received.error.message());
        else
            understand(free.first(received.size), std::move(received.descriptors), received.descriptors_lost);
        free = free.subspan(received.size);
    }
    // The smaller window leaves before the acknowledgement that would open it (flush keeps that order).
    adjust_window();
    flush();
}

void Doors::understand(std::span<const std::byte> message, std::vector<Fd> descriptors, bool lost) {
    if (message.size() < net::kHandoffHeaderSize) return fail("a message without a header");
    const auto version = std::to_integer<unsigned>(message[0]);
    if (version != net::kHandoffVersion)
        return fail("portier speaks version " + std::to_string(version) + " of the handoff contract, this program " +
                    std::to_string(net::kHandoffVersion));
    const auto type = std::to_integer<unsigned>(message[1]);
    if (type < static_cast<unsigned>(net::HandoffType::doors) || type > static_cast<unsigned>(net::HandoffType::evict))
        return;  // of a later revision of version 1
    auto decoded = net::decode_handoff(message);
    if (!decoded) return fail("a malformed message of type " + std::to_string(type));
    if (decoded->type == net::HandoffType::drain) state_ = State::draining;
    if (decoded->type == net::HandoffType::idle) told_idle_ = std::chrono::milliseconds(decoded->idle_ms);
    if (decoded->type == net::HandoffType::evict) evictions_.push_back(decoded->eviction);
    if (decoded->type == net::HandoffType::doors) accept(std::move(*decoded), std::move(descriptors), lost);
}

void Doors::accept(net::HandoffMessage message, std::vector<Fd> descriptors, bool lost) {
    const std::size_t doors = message.doors.size();
    if (descriptors.size() > doors || (descriptors.size() < doors && !lost))
        return fail(std::to_string(doors) + " doors with " + std::to_string(descriptors.size()) + " descriptors");
    taken_ = message.doors.back().id;
    taken_due_ = true;
    held_ += descriptors.size();
    // recvmsg(2) delivers the first descriptors and drops the rest.
    for (std::size_t i = 0; i < descriptors.size(); ++i)
        arrivals_.push_back({std::move(message.doors[i]), std::move(descriptors[i]), told_idle_});
    if (descriptors.size() == doors) return;
    lost_ += doors - descriptors.size();
    capacity_ = held_ - std::min(held_, kMaxReserve);  // the limit is where we stand now
}

void Doors::adjust_window() {
    const std::size_t room = capacity_ > held_ ? capacity_ - held_ : 0;
    // Shrink at once, grow late: at a boundary every connection would otherwise change the window.
    const bool at_once = room < window_ || window_ == 0;
    const std::uint32_t window = at_once ? window_for(room) : std::max(window_, window_for(room / 2));
    credit_due_ |= window != window_;
    window_ = window;
}

void Doors::flush() {
    const auto sent = [this](const std::vector<std::byte>& message) {
        const std::error_code error = net::send_message(channel_.get(), message);
        if (is_full(error)) return false;
        // The other end is gone: reading says so, and nobody needs the message.
        return true;
    };
    if (state_ == State::broken) return;
    if (credit_due_ && sent(net::encode_credit(window_))) credit_due_ = false;
    if (credit_due_) return;
    if (taken_due_ && sent(net::encode_taken(taken_))) taken_due_ = false;
    if (stopping_due_ && sent(encode_stopping())) stopping_due_ = false;
}

void Doors::fail(std::string reason) {
    // Nothing of this batch was acknowledged, so it goes to another process.
    arrivals_.clear();
    credit_due_ = taken_due_ = stopping_due_ = false;
    error_ = std::move(reason);
    state_ = State::broken;
}

}  // namespace portier::sdk
