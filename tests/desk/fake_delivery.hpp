// A delivery that keeps what it gets and has as much room as the test says.
#pragma once

#include <limits>
#include <vector>

#include "delivery/delivery.hpp"
#include "delivery/descriptors.hpp"
#include "delivery/plan.hpp"
#include "metrics/board.hpp"

namespace portier::test {

class FakeDelivery : public delivery::Delivery {
public:
    bool has_room() const override {
        ++questions;
        return delivered.size() < room;
    }
    bool at_limit() const override { return limit; }
    std::optional<metrics::Rejected> refuse(const net::Address&) const override { return refusal; }
    bool is_behind() const override { return behind; }
    void deliver(delivery::Accepted accepted) override { delivered.push_back(std::move(accepted)); }
    void demand() override { ++demands; }
    void end_of_burst() override { ++bursts; }
    void update(const delivery::HandlerPlan&, const std::set<std::uint32_t>&, delivery::Descriptors&) override {}
    void evict(const net::Eviction& eviction) override { evictions.push_back(eviction); }
    bool idle() const override { return true; }

    std::size_t room = std::numeric_limits<std::size_t>::max();  // connections that it takes in all
    std::vector<delivery::Accepted> delivered;
    std::vector<net::Eviction> evictions;
    bool behind = false;
    bool limit = false;                        // the handler's own
    std::optional<metrics::Rejected> refusal;  // by a limit of the handler's own
    unsigned demands = 0;
    unsigned bursts = 0;
    mutable unsigned questions = 0;  // has_room() was asked
};

}  // namespace portier::test
