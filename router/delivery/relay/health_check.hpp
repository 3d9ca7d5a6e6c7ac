// Asks one backend again and again whether it takes connections: connects, and closes at once. Desk thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "delivery/plan.hpp"
#include "net/connect.hpp"

namespace portier::delivery {

class HealthCheck {
public:
    // `on_checked` may not destroy this object.
    HealthCheck(boost::asio::io_context& io, const net::Destination& destination,
                std::function<void(bool passed)> on_checked);
    ~HealthCheck();

    // The first check begins soon, also one that shall come more often than before; the next ones follow this plan:
    // every `interval_ms`, failed after `timeout_ms`, from this local address.
    void update(const HealthPlan& plan, const std::optional<net::Source>& source);

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace portier::delivery
