#include "metrics/catalogue.hpp"

namespace portier::metrics {

std::span<const Metric> catalogue() {
    using enum Kind;
    static const std::vector<Metric> metrics{
        {"portier_build_info", gauge, {"version"}, "Always 1; the label tells the version."},
        {"portier_port_info",
         gauge,
         {"port", "protocol", "handler", "delivery"},
         "Always 1; the labels tell who serves the port and how."},
        {"portier_connections_accepted_total",
         counter,
         {"port"},
         "Connections accepted, by the router or by the process itself."},
        {"portier_connections_active", gauge, {"port"}, "Connections open now, wherever they are held."},
        {"portier_connections_limit", gauge, {"port"}, "max_connections of the port; 0 is no limit."},
        {"portier_connections_rejected_total", counter, {"port", "reason"}, "Connections accepted and turned away."},
        {"portier_connections_closed_total",
         counter,
         {"port", "reason"},
         "Connections that ended, by who or what ended them."},
        {"portier_connection_duration_seconds", histogram, {"port"}, "From accept to end, of ended connections."},
        {"portier_received_bytes_total", counter, {"port"}, "Bytes received from clients, of ended connections."},
        {"portier_sent_bytes_total",
         counter,
         {"port"},
         "Bytes sent to clients and acknowledged, of ended connections."},
        {"portier_dispatch_duration_seconds",
         histogram,
         {"delivery"},
         "From accept until the connection is in the handler's hands."},
        {"portier_accept_queue_length", gauge, {"port"}, "Connections that wait in the kernel to be accepted."},
        {"portier_accept_queue_limit", gauge, {"port"}, "How many may wait in the kernel."},
        {"portier_flows_active", gauge, {"port"}, "Flows known now; a flow is the datagrams of one client address."},
        {"portier_flows_created_total", counter, {"port"}, "Flows that were given a process or a backend."},
        {"portier_flows_closed_total", counter, {"port", "reason"}, "Flows that ended, by why."},
        {"portier_datagrams_received_total",
         counter,
         {"port"},
         "Datagrams from clients that the router read; of a flow that was handed off only the first ones."},
        {"portier_datagrams_sent_total", counter, {"port"}, "Datagrams to clients that the router passed on."},
        {"portier_datagrams_dropped_total", counter, {"port", "reason"}, "Datagrams that went nowhere."},
        {"portier_handler_processes", gauge, {"handler", "state"}, "Processes of the handler in each state."},
        {"portier_handler_connections_active", gauge, {"handler", "process"}, "Connections open now in each process."},
        {"portier_handler_restarts_total",
         counter,
         {"handler", "reason"},
         "Processes started again after they ended unasked."},
        {"portier_handler_exits_total",
         counter,
         {"handler", "code"},
         "Ended processes of a handler that has one for each connection, by exit code."},
        {"portier_handler_queue_length", gauge, {"handler"}, "Connections that wait for a backend to have room."},
        {"portier_backend_up",
         gauge,
         {"handler", "backend"},
         "1 if the backend gets connections; backend is its position among the addresses of connect, from 0."},
        {"portier_backend_connections_active",
         gauge,
         {"handler", "backend"},
         "Connections and flows open now to the backend."},
        {"portier_backend_connections_total", counter, {"handler", "backend"}, "Connections and flows it was given."},
        {"portier_backend_failures_total",
         counter,
         {"handler", "backend", "reason"},
         "Times the backend could not be used, by why."},
        {"portier_handler_start_time_seconds", gauge, {"handler", "process"}, "When the process started, Unix time."},
        {"portier_handler_cpu_seconds_total", counter, {"handler"}, "Processor time of all processes, ended ones too."},
        {"portier_handler_resident_memory_bytes", gauge, {"handler"}, "Resident memory of all processes."},
        {"portier_handler_open_fds", gauge, {"handler"}, "Open descriptors of all processes."},
        {"portier_config_generation", gauge, {}, "Grows by one with every configuration put in force."},
        {"portier_config_reloads_total", counter, {"result"}, "Reloads asked for, by outcome."},
        {"portier_config_last_reload_successful", gauge, {}, "1 if the last reload worked, 0 if it was refused."},
        {"portier_config_last_reload_success_timestamp_seconds",
         gauge,
         {},
         "When a configuration was last put in force."},
        {"portier_router_restarts_total", counter, {"reason"}, "Routers started again after one died."},
        {"portier_accounting_resyncs_total",
         counter,
         {},
         "Times the counts were set right by a dump after lost events."},
        {"process_cpu_seconds_total", counter, {"role"}, "Processor time of portier's own processes."},
        {"process_resident_memory_bytes", gauge, {"role"}, "Resident memory of portier's own processes."},
        {"process_virtual_memory_bytes", gauge, {"role"}, "Virtual memory of portier's own processes."},
        {"process_open_fds", gauge, {"role"}, "Open descriptors of portier's own processes."},
        {"process_max_fds", gauge, {"role"}, "Descriptor limit of portier's own processes."},
        {"process_start_time_seconds", gauge, {"role"}, "When portier's own processes started, Unix time."},
    };
    return metrics;
}

const char* to_string(Kind kind) {
    switch (kind) {
        case Kind::counter: return "counter";
        case Kind::gauge: return "gauge";
        case Kind::histogram: return "histogram";
    }
    return "";
}

}  // namespace portier::metrics
