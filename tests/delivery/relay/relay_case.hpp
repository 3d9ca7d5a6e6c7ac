// What the tests of the relay share: a backend that listens, and clients that were accepted.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/clock.hpp"
#include "delivery/plan.hpp"
#include "delivery/relay/backends.hpp"
#include "delivery/relay/outbox.hpp"
#include "delivery/relay/ticket.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::test {

inline constexpr std::uint32_t kPortRow = 3;
inline constexpr std::uint32_t kBackendRow = 5;

class RelayCase : public testing::Test, public delivery::RelayReports {
protected:
    RelayCase() { ::signal(SIGPIPE, SIG_IGN); }

    // A connection as the desk delivers it; its client's end is `client`.
    delivery::Accepted accepted(Fd& client) const {
        Pair pair = make_pair(front_);
        client = std::move(pair.client);
        ::fcntl(pair.accepted.get(), F_SETFL, O_NONBLOCK);
        delivery::Accepted result;
        result.local = net::local_endpoint(pair.accepted.get());
        result.remote = net::local_endpoint(client.get());
        result.socket = std::move(pair.accepted);
        result.port_row = kPortRow;
        result.accepted_us = monotonic_microseconds();
        return result;
    }

    std::unique_ptr<delivery::RelayTicket> ticket(Fd& client, std::uint16_t backend_port = 0) {
        auto result = std::make_unique<delivery::RelayTicket>();
        result->accepted = accepted(client);
        result->owner = this;
        const net::Endpoint endpoint{kLoopback, backend_port ? backend_port : port_of(back_)};
        result->backend = std::make_shared<delivery::Backend>(kBackendRow, "far", net::destination(endpoint));
        result->connect_timeout_ms = 30'000;
        return result;
    }

    void on_connected(delivery::Backend&, std::uint64_t) override { ++connected; }
    void on_not_connected(std::unique_ptr<delivery::RelayTicket> ticket) override {
        not_connected.push_back(std::move(ticket));
    }
    void on_ended(std::unique_ptr<delivery::RelayTicket> ticket) override { ended.push_back(std::move(ticket)); }

    Fd front_ = listen_somewhere(), back_ = listen_somewhere();
    unsigned connected = 0;
    std::vector<std::unique_ptr<delivery::RelayTicket>> not_connected, ended;
};

// A Unix socket that listens.
inline Fd listen_at(const std::string& path, int backlog) {
    Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const net::Destination there = net::destination(path);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&there.address), there.length), 0);
    EXPECT_EQ(::listen(listener.get(), backlog), 0);
    return listener;
}

// What a desk does with a report.
inline void tell(delivery::RelayReport& report) {
    using State = delivery::RelayPair::State;
    if (report.state == State::moving)
        report.owner->on_connected(*report.backend, report.microseconds);
    else if (report.state == State::not_connected)
        report.owner->on_not_connected(std::move(report.ticket));
    else
        report.owner->on_ended(std::move(report.ticket));
}

// How the other side ended it: 0: with a FIN, else an errno. Waits for it.
inline int end_of(const Fd& socket) {
    pollfd wanted{socket.get(), POLLIN, 0};
    ::poll(&wanted, 1, 30'000);
    char byte;
    return ::recv(socket.get(), &byte, 1, 0) < 0 ? errno : 0;
}

}  // namespace portier::test
