// What travels with a relayed connection between the desk, which decides and counts, and the relay thread that has it:
// made at the desk, handed to a thread, handed back with the result. Whoever holds it owns it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "delivery/delivery.hpp"
#include "metrics/board.hpp"
#include "net/connect.hpp"

namespace portier::delivery {

struct Backend;
class RelayReports;

struct RelayTicket {
    Accepted accepted;  // without its socket while a thread has it
    RelayReports* owner = nullptr;
    std::shared_ptr<Backend> backend;
    std::vector<std::uint32_t> tried;  // rows of backends
    // How to connect to the backend.
    std::optional<net::Source> source;
    std::vector<std::byte> header;  // goes to the backend first
    std::uint64_t connect_timeout_ms = 0;
    std::uint64_t idle_timeout_ms = 0;  // 0: never
    std::uint64_t deadline_ms = 0;      // while it waits for a backend
    // The result.
    int error = 0;                   // errno of connect(2)
    bool client_is_gone = false;     // it has reset the connection meanwhile
    std::uint64_t connected_us = 0;  // monotonic
    metrics::Closed reason = metrics::Closed::unknown;
    std::uint64_t received = 0, sent = 0;  // bytes from and to the client
};

// Told at the desk, in the order in which it happened; of ends it may hear some milliseconds later.
class RelayReports {
public:
    // Somebody waits for one of its connections to end: tell at once. Set at the desk, read by relay threads.
    std::atomic<bool> in_a_hurry{false};

    virtual void on_connected(Backend& backend, std::uint64_t microseconds) = 0;
    // Nothing was moved and the client is still there: the ticket has its socket.
    virtual void on_not_connected(std::unique_ptr<RelayTicket> ticket) = 0;
    virtual void on_ended(std::unique_ptr<RelayTicket> ticket) = 0;

protected:
    ~RelayReports() = default;
};

}  // namespace portier::delivery
