// A relayed UDP port under test: clients, backends and the relay in one thread, over loopback.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "delivery/descriptors.hpp"
#include "delivery/plan.hpp"
#include "delivery/udp/flow_memory.hpp"
#include "delivery/udp/relay.hpp"
#include "metrics/board.hpp"
#include "net/datagrams.hpp"
#include "support/udp.hpp"
#include "support/wait.hpp"

namespace portier::test {

class UdpRelayCase : public testing::Test {
protected:
    static constexpr std::uint32_t kListener = 1, kMemory = 2, kLoopbackSocket = 3;

    UdpRelayCase() {
        handler.name = "echo";
        handler.delivery = "relay";
        handler.balance = "round-robin";
        handler.relay.fail_timeout_ms = 60'000;
        port.key = "1/udp";
        port.protocol = "udp";
        port.listeners = {kListener};
        port.flows = {.idle_ms = 60'000, .max = 100, .memory = kMemory, .loopback_socket = kLoopbackSocket};
        board->globals.port_rows.set(1);
    }

    // The port on this address; as the keeper would, the test keeps what outlives a router.
    void listen_on(const std::string& address) {
        const auto parsed = address == "*" ? std::nullopt : net::parse_address(address);
        listener = net::open_udp_socket({parsed, 0}, true);
        asked = net::local_endpoint(listener.get());
        port.first = port.last = asked.port;
        memory = delivery::make_flow_memory(port.flows.max);
        loopback_socket = net::open_loopback_socket();
    }

    void add_backend(const net::Endpoint& endpoint) {
        const auto row = static_cast<std::uint32_t>(handler.relay.backends.size());
        handler.relay.backends.push_back({.row = row,
                                          .name = net::to_string(endpoint),
                                          .address = net::to_string(endpoint.address),
                                          .port = endpoint.port});
    }

    void start() {
        descriptors = {};
        descriptors.add(kListener, Fd(::dup(listener.get())));
        descriptors.add(kMemory, Fd(::dup(memory.get())));
        descriptors.add(kLoopbackSocket, Fd(::dup(loopback_socket.get())));
        io = std::make_unique<boost::asio::io_context>(1);
        relay = std::make_unique<delivery::UdpRelay>(*io, *board);
        apply();
    }
    void apply() {
        relay->apply(handler, {port}, descriptors);
        run_ready(*io);
    }
    // As SIGKILL does it: the descriptors are closed, but nothing is ended and nothing is told.
    void crash() {
        relay.reset();  // what it says to its thread is not heard any more
        io.reset();
    }

    // The answer to this datagram; a backend that is given here echoes it.
    std::optional<Letter> ask(const UdpSocket& client, const std::string& bytes, const UdpSocket* backend = nullptr,
                              const std::string& prefix = "") {
        EXPECT_TRUE(client.send(bytes, asked));
        std::optional<Letter> answer;
        run_until(*io, [&] {
            if (backend) backend->echo(prefix);
            answer = client.receive();
            return answer.has_value();
        });
        return answer;
    }
    // What comes to this socket next.
    std::optional<Letter> next(const UdpSocket& socket) {
        std::optional<Letter> letter;
        run_until(*io, [&] { return (letter = socket.receive()).has_value(); });
        return letter;
    }

    std::uint64_t closed(metrics::FlowClosed reason) {
        return row().flows.closed[static_cast<std::size_t>(reason)].get();
    }
    std::uint64_t dropped(metrics::Dropped reason) {
        return row().flows.datagrams_dropped[static_cast<std::size_t>(reason)].get();
    }
    metrics::PortRow& row() { return board->ports[0]; }

    metrics::BoardMemory board = metrics::BoardMemory::create();
    delivery::HandlerPlan handler;
    delivery::PortPlan port;
    Fd listener, memory, loopback_socket;
    net::Endpoint asked;
    delivery::Descriptors descriptors;
    std::unique_ptr<boost::asio::io_context> io;
    std::unique_ptr<delivery::UdpRelay> relay;
};

}  // namespace portier::test
