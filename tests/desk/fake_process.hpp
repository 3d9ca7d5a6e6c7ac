// A handler process as the router sees it: the far end of a handoff channel. Nothing is said but what the test says.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "net/channel.hpp"
#include "net/handoff_wire.hpp"

namespace portier::test {

class FakeProcess {
public:
    FakeProcess() {
        net::ChannelPair pair = net::make_channel();
        routers_ = std::move(pair.near);
        channel_ = std::move(pair.far);
    }

    // What the keeper offers to the router.
    Fd take_routers_end() { return std::move(routers_); }

    void say_credit(std::uint32_t window) const { net::send_message(channel_.get(), net::encode_credit(window)); }

    // Reads everything that has come.
    void read() {
        std::array<std::byte, 8192> buffer;
        for (;;) {
            net::Received received = net::receive_message(channel_.get(), buffer);
            // The router closed its end with something unread: once, then comes what it said before.
            if (received.error == std::errc::connection_reset) continue;
            if (received.error) {
                gone = received.error == std::errc::broken_pipe;
                return;
            }
            const auto message = net::decode_handoff(std::span(buffer).first(received.size));
            drained = drained || message->type == net::HandoffType::drain;
            for (std::size_t i = 0; i < message->doors.size(); ++i) {
                last_id_ = message->doors[i].id;
                doors.push_back(
                    {message->doors[i].local, message->doors[i].remote, std::move(received.descriptors[i])});
            }
        }
    }

    void say_nothing() const { net::send_message(channel_.get(), {}); }
    void say_taken() const { net::send_message(channel_.get(), net::encode_taken(last_id_)); }

    struct Door {
        net::Endpoint local;
        net::Endpoint remote;
        Fd socket;
    };
    std::vector<Door> doors;
    bool drained = false;
    bool gone = false;  // the router has closed its end

private:
    Fd routers_;
    Fd channel_;
    std::uint64_t last_id_ = 0;
};

}  // namespace portier::test
