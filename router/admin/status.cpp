#include "admin/status.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "base/clock.hpp"
#include "base/version.hpp"

namespace portier::admin {

namespace {

namespace json = boost::json;

std::uint64_t sum(const auto& counters) {
    std::uint64_t total = 0;
    for (const metrics::Counter& counter : counters) total += counter.get();
    return total;
}

void add_flows(json::object& port, const metrics::PortSeries& series, const metrics::PortRow& row) {
    port["flows"] = row.active_flows();
    port["limit"] = series.limit;
    port["created"] = row.flows.created.get();
    port["dropped"] = sum(row.flows.datagrams_dropped) + row.datagrams_dropped.get();
}

json::object port_object(const metrics::PortSeries& series, const metrics::PortRow& row) {
    json::object port{{"port", series.port},
                      {"protocol", series.protocol},
                      {"handler", series.handler},
                      {"delivery", series.delivery}};
    if (series.protocol == "udp") {
        if (series.router_reads) add_flows(port, series, row);
        return port;
    }
    port["active"] = row.active();
    port["limit"] = series.limit;
    port["accepted"] = row.accepted.get() + row.seen.get();
    port["rejected"] = sum(row.rejected);
    port["closed"] = row.total_closed();
    port["received_bytes"] = row.received_bytes.get() + row.relayed.received_bytes.get();
    port["sent_bytes"] = row.sent_bytes.get() + row.relayed.sent_bytes.get();
    port["accept_queue"] = row.accept_queue_length.get();
    return port;
}

KnownProcesses as_on_board(const metrics::Board& board) {
    KnownProcesses known{.keeper = static_cast<pid_t>(board.globals.roles[0].pid.get()),
                         .router = static_cast<pid_t>(board.globals.roles[1].pid.get()),
                         .of_handlers = {}};
    for (std::uint32_t i = 1; i < board.end_of_processes(); ++i)
        known.of_handlers[i] = board.processes[i].pid.load(std::memory_order_relaxed);
    return known;
}

json::object process_object(const metrics::ProcessRow& row, pid_t pid) {
    return {{"process", row.slot.load(std::memory_order_relaxed)},
            {"pid", pid},
            {"state", metrics::kProcessStateNames[static_cast<std::size_t>(row.get_state())]},
            {"connections", row.active()},
            {"resident_bytes", row.resident_bytes.get()},
            {"open_fds", row.open_fds.get()},
            {"started", static_cast<double>(row.started_ms.get()) / 1e3}};
}

pid_t pid_of(const KnownProcesses& known, std::uint32_t row) {
    const auto found = known.of_handlers.find(row);
    return found == known.of_handlers.end() ? 0 : found->second;
}

bool by_slot(const json::value& a, const json::value& b) {
    return a.at("process").to_number<std::uint32_t>() < b.at("process").to_number<std::uint32_t>();
}

std::map<std::uint32_t, json::array> processes_by_handler(const metrics::Board& board, const KnownProcesses& known) {
    std::map<std::uint32_t, json::array> result;
    for (std::uint32_t i = 1; i < board.end_of_processes(); ++i) {
        const metrics::ProcessRow& row = board.processes[i];
        if (row.get_state() != metrics::ProcessState::absent)
            result[row.handler.load(std::memory_order_relaxed)].push_back(process_object(row, pid_of(known, i)));
    }
    for (auto& [handler, processes] : result) std::stable_sort(processes.begin(), processes.end(), by_slot);
    return result;
}

json::array backends_of(const metrics::Board& board, const metrics::HandlerSeries& handler) {
    json::array backends;
    for (const metrics::BackendSeries& series : handler.backends) {
        const metrics::BackendRow& row = board.backends[series.row];
        backends.push_back(json::object{{"backend", series.number},
                                        {"address", series.name},
                                        {"up", row.up.get() == 1},
                                        {"connections", row.active()},
                                        {"failures", sum(row.failures)}});
    }
    return backends;
}

// Why nobody can serve its ports; empty: somebody can.
std::string unready_text(const metrics::Board& board, const metrics::HandlerSeries& handler, std::size_t ready) {
    if (handler.delivery == "relay") {
        const auto is_up = [&](const metrics::BackendSeries& b) { return board.backends[b.row].up.get() == 1; };
        const bool one = std::any_of(handler.backends.begin(), handler.backends.end(), is_up);
        return one ? "" : "no backend that is up";
    }
    return handler.on_demand || ready > 0 ? "" : "no ready process";
}

std::size_t count_ready(const json::array& processes) {
    std::size_t ready = 0;
    for (const json::value& process : processes) ready += process.at("state").as_string() == "ready";
    return ready;
}

}  // namespace

std::string status_json(const metrics::Board& board, const metrics::Series& series, const KnownProcesses* known) {
    const KnownProcesses pids = known ? *known : as_on_board(board);
    const metrics::Globals& globals = board.globals;
    json::array ports;
    for (const metrics::PortSeries& port : series.ports) ports.push_back(port_object(port, board.ports[port.row]));
    auto processes = processes_by_handler(board, pids);
    json::array handlers;
    for (const metrics::HandlerSeries& handler : series.handlers) {
        json::array& mine = processes[handler.row];
        const metrics::HandlerRow& row = board.handlers[handler.row];
        const std::size_t ready = count_ready(mine);
        handlers.push_back(json::object{{"handler", handler.name},
                                        {"delivery", handler.delivery},
                                        {"ready", ready},
                                        {"problem", unready_text(board, handler, ready)},
                                        {"on_demand", handler.on_demand},
                                        {"running", row.running()},
                                        {"queue", row.queue_length.get()},
                                        {"restarts", sum(row.restarts)},
                                        {"processes", std::move(mine)},
                                        {"backends", backends_of(board, handler)}});
    }
    const double uptime = static_cast<double>(wall_milliseconds() - globals.started_ms.get()) / 1e3;
    return json::serialize(json::object{{"version", kVersion},
                                        {"generation", globals.generation.get()},
                                        {"uptime_seconds", uptime},
                                        {"last_reload_successful", globals.last_reload_ok.get() == 1},
                                        {"keeper_pid", std::max(pids.keeper, 0)},
                                        {"router_pid", std::max(pids.router, 0)},
                                        {"router_restarts", sum(globals.router_restarts)},
                                        {"ports", std::move(ports)},
                                        {"handlers", std::move(handlers)}});
}

std::string unready_handlers(const metrics::Board& board, const metrics::Series& series) {
    auto processes = processes_by_handler(board, as_on_board(board));
    std::string text;
    for (const metrics::HandlerSeries& handler : series.handlers) {
        const std::string problem = unready_text(board, handler, count_ready(processes[handler.row]));
        if (!problem.empty()) text += "handler " + handler.name + " has " + problem + "\n";
    }
    return text;
}

}  // namespace portier::admin
