// What the tests of the delivery `handoff` share: a pool of processes that say only what the test says.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <map>

#include "delivery/descriptors.hpp"
#include "delivery/handoff/handoff.hpp"
#include "delivery/plan.hpp"
#include "metrics/board.hpp"
#include "net/lingering_closer.hpp"
#include "support/handoff_end.hpp"
#include "support/wait.hpp"

namespace portier::delivery {

using test::Connection;
using test::HandoffEnd;
using Numbers = std::vector<std::uint16_t>;
using Records = std::vector<std::pair<std::uint64_t, std::uint32_t>>;

inline constexpr std::uint32_t kHandlerRow = 6;

class HandoffCase : public testing::Test {
protected:
    // Puts a pool in force; a process's number is that of its channel and of its row, its slot one less.
    void update(const std::vector<std::uint32_t>& processes) {
        HandlerPlan plan{
            .name = "veg", .row = kHandlerRow, .delivery = "handoff", .balance = balance_, .on_demand = on_demand_};
        for (const std::uint32_t number : processes) {
            plan.processes.push_back({number, number - 1, number});
            if (ends_.contains(number)) continue;
            descriptors_.add(number, ends_[number].router_end());
        }
        delivery_->update(plan, leaving_, descriptors_);
    }

    void give_credit(std::uint32_t number, std::uint32_t window) {
        ends_[number].credit(window);
        ASSERT_TRUE(test::run_until(io_, [&] { return board_->processes[number].credit.get() == window; }));
    }

    // A pool in which everybody has plenty of room.
    void start(const std::vector<std::uint32_t>& processes, std::uint32_t window = 100) {
        update(processes);
        for (const std::uint32_t number : processes) give_credit(number, window);
    }

    void deliver(std::uint16_t number, const std::string& source = "10.0.0.1") {
        Connection connection(number, source);
        connection.accepted.port_row = 3;
        delivery_->deliver(std::move(connection.accepted));
        clients_.push_back(std::move(connection.client));
    }

    Numbers received(std::uint32_t number) { return test::numbers(ends_[number].receive()); }

    // The records for accounting: connection and process.
    Records handovers() {
        Records result;
        for (metrics::Handover item; board_->handovers.pop(item);) {
            EXPECT_EQ(item.port, 3u);
            result.emplace_back(item.cookie, item.process);
        }
        return result;
    }

    boost::asio::io_context io_{1};
    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    Descriptors descriptors_;
    std::map<std::uint32_t, HandoffEnd> ends_;
    std::set<std::uint32_t> leaving_{1, 2, 3, 4, 5, 6, 7, 8, 9};  // all that a plan drops live on
    net::LingeringCloser closer_;
    std::vector<Fd> clients_;
    std::string balance_ = "round-robin";
    bool on_demand_ = false;
    unsigned rooms_ = 0;
    std::vector<std::uint32_t> demands_, broken_;
    bool demand_is_heard_ = true;
    std::unique_ptr<Delivery> delivery_ = make_handoff({io_, *board_, closer_, [this] { ++rooms_; },
                                                        [this](std::uint32_t row) { broken_.push_back(row); },
                                                        [this](std::uint32_t row) {
                                                            demands_.push_back(row);
                                                            return demand_is_heard_;
                                                        }});
};

}  // namespace portier::delivery
