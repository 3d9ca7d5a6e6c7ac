// What a process that got hold of one of our control sockets may say on it. The first byte of the input chooses the
// socket; the messages follow, each with its length in front.
#include <sys/socket.h>

#include <array>
#include <string>

#include "admin/command_request.hpp"
#include "delivery/handoff/process_channel.hpp"
#include "delivery/link.hpp"
#include "messages.hpp"
#include "metrics/board.hpp"
#include "net/channel.hpp"
#include "net/handoff_wire.hpp"
#include "net/stream_channel.hpp"
#include "require.hpp"

namespace {

using namespace portier;

// A process on its channel, in its dialect, while some connections are under way to it. Each of them has one end.
void say_to_router(const std::string& dialect, net::ChannelPair pair, fuzz::Messages messages) {
    metrics::ProcessRow row;
    std::size_t sent = 0, taken = 0, back = 0, broken = 0;
    bool dead = false;
    const auto on_dead = [&](std::vector<delivery::Accepted> left) {
        back += left.size();
        dead = true;
    };
    const auto channel =
        delivery::make_process_channel(dialect, {.channel = std::move(pair.near),
                                                 .row_number = 1,
                                                 .row = row,
                                                 .handler = "veg",
                                                 .events = {.room = [] {},
                                                            .dead = on_dead,
                                                            .broken = [&] { ++broken; },
                                                            .release = [&](Fd) { ++taken; },
                                                            .dispatched = [](std::uint64_t) {},
                                                            .returned = [&](delivery::Accepted) { ++back; },
                                                            .later = [] {}}});
    while (const auto message = messages.next()) {
        if (sent < 4 && channel->has_room()) {
            delivery::Accepted accepted;
            accepted.socket = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
            if (!channel->send(std::move(accepted))) ++sent;
        }
        ::send(pair.far.get(), message->data(), message->size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        channel->on_readable();
        if (dead) break;
        channel->retry();
    }
    if (!dead) channel->end();
    REQUIRE(dead && taken + back == sent);
    REQUIRE(broken <= 1);
}

// The router, or who claims to be it, to a process that uses the SDK.
void say_to_process(fuzz::Messages messages) {
    while (const auto message = messages.next()) {
        const auto decoded = net::decode_handoff(*message);
        if (!decoded) continue;
        REQUIRE(decoded->doors.size() <= net::kMaxDoors);
        for (const net::Door& door : decoded->doors) REQUIRE(!net::to_string(door.remote).empty());
    }
}

void say_on_link(fuzz::Messages messages, delivery::LinkReceived (*receive)(int)) {
    auto [here, there] = net::make_channel();
    const std::array<int, 2> descriptors{there.get(), here.get()};
    while (const auto message = messages.next()) {
        const std::size_t count = message->empty() ? 0 : std::to_integer<std::size_t>(message->front()) % 3;
        if (net::send_message(there.get(), *message, std::span(descriptors).first(count))) continue;
        const delivery::LinkReceived received = receive(here.get());
        REQUIRE(received.error || received.message);
    }
}

void ask(fuzz::Messages messages) {
    while (const auto message = messages.next())
        admin::read_command_request({reinterpret_cast<const char*>(message->data()), message->size()});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const fuzz::Messages messages(std::as_bytes(std::span(data, size)).subspan(1));
    switch (data[0] % 6) {
        case 0: say_to_router("portier", net::make_channel(), messages); break;
        case 1: say_to_router("node", net::make_stream_channel(), messages); break;
        case 2: say_to_process(messages); break;
        case 3: say_on_link(messages, delivery::receive_link); break;
        case 4: say_on_link(messages, delivery::receive_from_router); break;
        case 5: ask(messages); break;
    }
    return 0;
}
