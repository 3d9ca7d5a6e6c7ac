// The router's end of a handoff channel, played by a test: sends doors and reads what the handler says.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "net/channel.hpp"
#include "net/handoff_wire.hpp"

namespace portier::sdk {

class RouterEnd {
public:
    RouterEnd() : pair_(net::make_channel()) {}

    // For the handler; once.
    Fd handler_end() { return std::move(pair_.far); }
    int fd() const { return pair_.near.get(); }

    void send(const std::vector<std::byte>& message, const std::vector<int>& descriptors = {}) {
        if (const auto error = net::send_message(fd(), message, descriptors)) throw std::system_error(error, "send");
    }

    void send_type(net::HandoffType type) {
        std::vector<std::byte> message;
        net::encode_header(message, type);
        send(message);
    }

    // `count` doors with the ids first, first + 1, ...; each is one end of a socketpair, whose other end is returned.
    std::vector<Fd> send_doors(std::uint64_t first, unsigned count) {
        std::vector<std::byte> message;
        std::vector<Fd> far, near;
        std::vector<int> numbers;
        net::encode_header(message, net::HandoffType::doors, static_cast<std::uint16_t>(count));
        for (unsigned i = 0; i < count; ++i) {
            int ends[2];
            if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
                throw_errno("socketpair");
            near.emplace_back(ends[0]);
            far.emplace_back(ends[1]);
            numbers.push_back(ends[0]);
            net::encode_door(message, {first + i, 6, {}, {}, {}});
        }
        send(message, numbers);
        return far;
    }

    // The next message of the handler; nullopt: none waits, or it is gone.
    std::optional<net::HandoffMessage> next() {
        const auto received = net::receive_message(fd(), buffer_);
        if (received.error) return std::nullopt;
        return net::decode_handoff(std::span(buffer_).first(received.size));
    }

    void go_away() { pair_.near.reset(); }

private:
    net::ChannelPair pair_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(net::kMaxMessage);
};

// Sets the soft limit of open files while it lives.
class DescriptorLimit {
public:
    explicit DescriptorLimit(rlim_t limit) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit now{limit, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &now);
    }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;

private:
    rlimit before_{};
};

}  // namespace portier::sdk
