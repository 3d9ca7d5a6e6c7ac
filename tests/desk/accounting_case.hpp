// Accounting with real connections of a real listener; the test plays the desk and the handler processes.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>

#include "base/clock.hpp"
#include "desk/accounting.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::test {

class AccountingCase : public testing::Test {
protected:
    using Closed = metrics::Closed;

    static constexpr std::uint32_t kRow = 3;                  // of the port
    static constexpr std::uint32_t kProcess = 5, kOther = 6;  // rows

    AccountingCase() {
        board_->globals.port_rows.set(10);
        board_->globals.process_rows.set(10);
        board_->processes[kProcess].slot = 1;
        plan_.handlers = {
            {.name = "veg", .row = 2, .delivery = "handoff", .processes = {{.row = kProcess, .slot = 1}}}};
        plan_.ports = {
            {.key = "street", .row = kRow, .protocol = "tcp", .first = port_of(listener_), .last = port_of(listener_)}};
    }

    // A netlink socket as the keeper opens it; a small one overruns at once.
    static Fd open_events(int size = 1 << 22) {
        Fd events = net::open_destroy_events(size);
        EXPECT_FALSE(net::join_destroy_events(events.get(), net::DestroyGroup::ipv4));
        return events;
    }

    void start(Fd events) {
        accounting_ = std::make_unique<desk::Accounting>(
            io_, *board_,
            desk::Accounting::Hooks{
                .source_ended = [this](std::uint32_t row,
                                       const net::Address& source) { sources_.emplace_back(row, source); },
                .sources_found = [this](std::uint32_t row, const desk::SourceCounts& counts) { found_[row] = counts; },
                .sources_counted = [this](std::uint32_t row,
                                          const desk::SourceCounts& counts) { counted_[row] = counts; },
                .flow_ended = [this](std::uint32_t row,
                                     std::uint64_t cookie) { ended_flows_.emplace_back(row, cookie); }});
        plan_.destroy_events = events ? 1 : 0;
        accounting_->apply(plan_, std::move(events));
    }

    // What desk and delivery write when a connection goes to a process.
    void hand_over(const Fd& accepted, std::uint32_t process = kProcess) {
        row().accepted.add();
        hand_on(accepted, process);
    }
    void hand_on(const Fd& accepted, std::uint32_t process) {
        const std::uint64_t cookie = net::socket_cookie(accepted.get());
        board_->handovers.push({cookie, monotonic_milliseconds(), process, kRow});
        board_->processes[process].sent.add();
    }
    Pair handed_over(std::uint32_t process = kProcess) {
        Pair pair = make_pair(listener_);
        hand_over(pair.accepted, process);
        return pair;
    }

    metrics::PortRow& row() { return board_->ports[kRow]; }
    metrics::ProcessRow& process(std::uint32_t number = kProcess) { return board_->processes[number]; }
    std::uint64_t closed(Closed reason) { return row().closed[static_cast<std::size_t>(reason)].get(); }
    bool run_until_closed(std::uint64_t count) {
        return run_until(io_, [&] { return row().total_closed() == count; });
    }

    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    boost::asio::io_context io_{1};
    Fd listener_ = listen_somewhere(1024);
    delivery::Plan plan_;
    std::vector<std::pair<std::uint32_t, net::Address>> sources_;  // what the hooks were told
    std::map<std::uint32_t, desk::SourceCounts> found_, counted_;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> ended_flows_;
    std::unique_ptr<desk::Accounting> accounting_;
};

}  // namespace portier::test
