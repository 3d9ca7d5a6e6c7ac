#include "delivery/plan.hpp"

#include <boost/describe.hpp>
#include <boost/json.hpp>

namespace portier::delivery {

BOOST_DESCRIBE_STRUCT(RatePlan, (), (count, period_ms))
BOOST_DESCRIBE_STRUCT(NetworkPlan, (), (address, prefix))
BOOST_DESCRIBE_STRUCT(AdmissionPlan, (),
                      (max_connections, max_connections_per_source, accept_rate, accept_rate_per_source, allow, deny,
                       over_limit))
BOOST_DESCRIBE_STRUCT(PortPlan, (), (key, row, protocol, address, first, last, handler, listeners, admission))
BOOST_DESCRIBE_STRUCT(ProcessPlan, (), (row, slot, channel))
BOOST_DESCRIBE_STRUCT(HandlerPlan, (), (name, row, delivery, balance, on_demand, processes))
BOOST_DESCRIBE_STRUCT(Plan, (),
                      (generation, handlers, ports, leaving, admin_listeners, destroy_events, log_connections,
                       log_level))

std::string to_json(const Plan& plan) {
    return boost::json::serialize(boost::json::value_from(plan));
}

Plan plan_from_json(const std::string& text) {
    return boost::json::value_to<Plan>(boost::json::parse(text));
}

}  // namespace portier::delivery
