// What a relay thread tells the desk. The desk is woken at once when a connection needs it, and otherwise gathers: a
// wake-up for every connection that ends would cost as much as moving its bytes.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "base/alarm.hpp"
#include "delivery/relay/mailbox.hpp"
#include "delivery/relay/pair.hpp"

namespace portier::delivery {

struct RelayReport {
    RelayReports* owner = nullptr;
    RelayPair::State state = RelayPair::State::moving;  // moving: it has just been connected
    Backend* backend = nullptr;
    std::uint64_t microseconds = 0;       // from accept to connected
    std::unique_ptr<RelayTicket> ticket;  // when it is over
};

class RelayOutbox {
public:
    static constexpr std::chrono::milliseconds kGathering{5};

    // `tell` is called on the thread of `desk`, for each report in its order.
    RelayOutbox(boost::asio::io_context& desk, std::function<void(RelayReport&)> tell);

    // Relay thread.
    void put(std::vector<RelayReport> reports);

    // Desk: tells what is there now, without waiting to be woken. Returns whether there was anything.
    bool tell_all();

private:
    void wake();
    void gather();

    boost::asio::io_context& desk_;
    std::function<void(RelayReport&)> tell_;
    Mailbox<std::vector<RelayReport>> reports_;
    std::atomic<bool> gathering_{false};  // the alarm is set, or about to be
    std::atomic<bool> waking_{false};     // posted and not run
    // The desk's.
    Alarm alarm_;
    bool telling_ = false;
};

}  // namespace portier::delivery
