// The process's end of a handoff channel, and connections to hand over: what the contract of handlers/README.md looks
// like from the other side, one call a message.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "delivery/delivery.hpp"
#include "net/channel.hpp"
#include "net/handoff_wire.hpp"

namespace portier::test {

struct TakenDoor {
    std::uint64_t id = 0;
    net::Endpoint local, remote;
    Fd socket;
    std::size_t datagrams = 0;
    std::uint32_t idle_ms = 0;  // as last told before it
};

class HandoffEnd {
public:
    HandoffEnd() : pair_(net::make_channel()) {}

    // The router's end, as the keeper gives it: the keeper keeps its own copy.
    Fd router_end() const { return Fd(::dup(pair_.near.get())); }

    void say(std::span<const std::byte> message) { EXPECT_FALSE(net::send_message(pair_.far.get(), message)); }
    void credit(std::uint32_t window) { say(net::encode_credit(window)); }
    void taken(std::uint64_t id) { say(net::encode_taken(id)); }
    void stopping() {
        std::vector<std::byte> message;
        net::encode_header(message, net::HandoffType::stopping);
        say(message);
    }

    // Everything that waits now. `drained` is remembered.
    std::vector<TakenDoor> receive() {
        std::vector<TakenDoor> doors;
        for (;;) {
            net::Received received = net::receive_message(pair_.far.get(), buffer_);
            if (received.error) return doors;
            const auto message = net::decode_handoff(std::span(buffer_).first(received.size));
            EXPECT_TRUE(message) << "not a message of the contract";
            if (!message) return doors;
            drained_ |= message->type == net::HandoffType::drain;
            if (message->type == net::HandoffType::idle) idle_ms = message->idle_ms;
            if (message->type == net::HandoffType::evict) evictions.push_back(message->eviction);
            EXPECT_EQ(message->doors.size(), received.descriptors.size());
            for (std::size_t i = 0; i < message->doors.size(); ++i) {
                const net::Door& door = message->doors[i];
                doors.push_back({door.id, door.local, door.remote, std::move(received.descriptors[i]),
                                 door.datagrams.size(), idle_ms});
            }
        }
    }
    std::uint32_t idle_ms = 0;             // as last told
    std::vector<net::Eviction> evictions;  // as far as received

    bool drained() {
        receive();
        return drained_;
    }

    // The smallest queue that the kernel allows: a few messages.
    void shrink_queue() {
        const int smallest = 1;
        EXPECT_EQ(::setsockopt(pair_.near.get(), SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest), 0);
    }
    void stop_reading() { ::shutdown(pair_.far.get(), SHUT_RD); }

    // The process ends.
    void die() { pair_.far.reset(); }

private:
    net::ChannelPair pair_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(net::kMaxMessage);
    bool drained_ = false;
};

// An accepted connection with a number that shows in its cookie and remote port, and its client.
struct Connection {
    explicit Connection(std::uint16_t number, const std::string& source = "10.0.0.1") {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
        client = Fd(ends[0]);
        accepted.socket = Fd(ends[1]);
        accepted.local = {*net::parse_address("127.0.0.1"), 7001};
        accepted.remote = {*net::parse_address(source), number};
        accepted.cookie = number;
        accepted.accepted_us = monotonic_microseconds();
    }

    // Nobody holds the other end any more.
    bool closed() const {
        char byte;
        return ::recv(client.get(), &byte, 1, 0) == 0;
    }

    Fd client;
    delivery::Accepted accepted;
};

inline std::vector<std::uint16_t> numbers(const std::vector<TakenDoor>& doors) {
    std::vector<std::uint16_t> result;
    for (const TakenDoor& door : doors) result.push_back(door.remote.port);
    return result;
}

}  // namespace portier::test
