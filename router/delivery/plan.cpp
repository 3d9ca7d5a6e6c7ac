#include "delivery/plan.hpp"

#include <boost/describe.hpp>
#include <boost/json.hpp>

namespace portier::delivery {

BOOST_DESCRIBE_STRUCT(RatePlan, (), (count, period_ms))
BOOST_DESCRIBE_STRUCT(NetworkPlan, (), (address, prefix))
BOOST_DESCRIBE_STRUCT(AdmissionPlan, (),
                      (max_connections, max_connections_per_source, accept_rate, accept_rate_per_source, allow, deny,
                       over_limit))
BOOST_DESCRIBE_STRUCT(BackendPlan, (), (row, number, name, address, port, path, weight, backup, max_connections))
BOOST_DESCRIBE_STRUCT(HealthPlan, (), (interval_ms, timeout_ms, rise, fall))
BOOST_DESCRIBE_STRUCT(RelayPlan, (),
                      (backends, connect_timeout_ms, attempts, fail_timeout_ms, health, queue_max, queue_timeout_ms,
                       source_address, transparent, proxy_protocol, proxy_datagrams))
BOOST_DESCRIBE_STRUCT(RunningPlan, (), (cookie, source))
BOOST_DESCRIBE_STRUCT(SpawnPlan, (), (style, max_processes, max_processes_per_source, running))
BOOST_DESCRIBE_STRUCT(ProxyFromPlan, (), (from, timeout_ms))
BOOST_DESCRIBE_STRUCT(FlowsPlan, (), (idle_ms, max, max_per_source, memory, loopback_socket, log))
BOOST_DESCRIBE_STRUCT(PortPlan, (),
                      (key, row, protocol, address, first, last, handler, listeners, admission, proxy, idle_timeout_ms,
                       flows))
BOOST_DESCRIBE_STRUCT(ProcessPlan, (), (row, slot, channel))
BOOST_DESCRIBE_STRUCT(HandlerPlan, (), (name, row, delivery, balance, on_demand, processes, dialect, relay, spawn))
BOOST_DESCRIBE_STRUCT(Plan, (),
                      (generation, handlers, ports, leaving, admin_listeners, destroy_events, relay_threads,
                       log_connections, log_level))

std::vector<net::Network> networks_of(const std::vector<NetworkPlan>& plan) {
    std::vector<net::Network> result;
    for (const NetworkPlan& network : plan)
        if (const auto address = net::parse_address(network.address)) result.push_back({*address, network.prefix});
    return result;
}

bool router_accepts(const HandlerPlan& handler) {
    if (handler.delivery == "spawn") return handler.spawn.style != "inetd-wait";
    return handler.delivery != "inherit";
}

std::string to_json(const Plan& plan) {
    return boost::json::serialize(boost::json::value_from(plan));
}

Plan plan_from_json(const std::string& text) {
    return boost::json::value_to<Plan>(boost::json::parse(text));
}

}  // namespace portier::delivery
