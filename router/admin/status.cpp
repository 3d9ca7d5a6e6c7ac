#include "admin/status.hpp"

#include <fmt/format.h>

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

json::object port_object(const metrics::PortSeries& series, const metrics::PortRow& row) {
    json::object port{{"port", series.port},
                      {"protocol", series.protocol},
                      {"handler", series.handler},
                      {"delivery", series.delivery}};
    if (series.protocol != "tcp") return port;
    port["active"] = row.active();
    port["limit"] = series.limit;
    port["accepted"] = row.accepted.get() + row.seen.get();
    port["rejected"] = sum(row.rejected);
    port["closed"] = row.total_closed();
    port["received_bytes"] = row.received_bytes.get();
    port["sent_bytes"] = row.sent_bytes.get();
    port["accept_queue"] = row.accept_queue_length.get();
    return port;
}

json::object process_object(const metrics::ProcessRow& row) {
    return {{"process", row.slot.load(std::memory_order_relaxed)},
            {"pid", row.pid.load(std::memory_order_relaxed)},
            {"state", metrics::kProcessStateNames[static_cast<std::size_t>(row.get_state())]},
            {"connections", row.active()},
            {"resident_bytes", row.resident_bytes.get()},
            {"open_fds", row.open_fds.get()},
            {"started", static_cast<double>(row.started_ms.get()) / 1e3}};
}

std::map<std::uint32_t, json::array> processes_by_handler(const metrics::Board& board) {
    std::map<std::uint32_t, json::array> result;
    for (std::uint32_t i = 1; i < board.globals.process_rows.get(); ++i) {
        const metrics::ProcessRow& row = board.processes[i];
        if (row.get_state() != metrics::ProcessState::absent)
            result[row.handler.load(std::memory_order_relaxed)].push_back(process_object(row));
    }
    return result;
}

std::size_t count_ready(const json::array& processes) {
    std::size_t ready = 0;
    for (const json::value& process : processes) ready += process.at("state").as_string() == "ready";
    return ready;
}

std::string age(double seconds) {
    const auto whole = static_cast<std::uint64_t>(seconds);
    if (whole >= 86400) return fmt::format("{}d {}h", whole / 86400, whole / 3600 % 24);
    if (whole >= 3600) return fmt::format("{}h {}m", whole / 3600, whole / 60 % 60);
    if (whole >= 60) return fmt::format("{}m {}s", whole / 60, whole % 60);
    return fmt::format("{}s", whole);
}

std::string bytes(std::uint64_t count) {
    static constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = static_cast<double>(count);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", count) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::uint64_t number(const json::value& object, const char* key) {
    return object.as_object().contains(key) ? object.at(key).to_number<std::uint64_t>() : 0;
}

std::string word(const json::value& object, const char* key) { return std::string(object.at(key).as_string()); }

std::string port_line(const json::value& port) {
    if (word(port, "protocol") == "udp")
        return fmt::format("{:<28} {:<14} {:<8}\n", word(port, "port"), word(port, "handler"), word(port, "delivery"));
    const std::uint64_t limit = number(port, "limit");
    return fmt::format("{:<28} {:<14} {:<8} {:>8}{:<8} {:>10} {:>8} {:>6} {:>10} {:>10}\n", word(port, "port"),
                       word(port, "handler"), word(port, "delivery"), number(port, "active"),
                       limit ? "/" + std::to_string(limit) : "", number(port, "accepted"), number(port, "rejected"),
                       number(port, "accept_queue"), bytes(number(port, "received_bytes")),
                       bytes(number(port, "sent_bytes")));
}

std::string process_line(const std::string& handler, const json::value& process) {
    const double started = process.at("started").to_number<double>();
    const std::string up = started > 0 ? age(static_cast<double>(wall_milliseconds()) / 1e3 - started) : "-";
    return fmt::format("{:<20} {:>7} {:>8} {:<9} {:>11} {:>8} {:>9} {:>9}\n", handler, number(process, "process"),
                       process.at("pid").to_number<std::int64_t>(), word(process, "state"),
                       number(process, "connections"), number(process, "open_fds"),
                       bytes(number(process, "resident_bytes")), up);
}

}  // namespace

std::string status_json(const metrics::Board& board, const metrics::Series& series) {
    const metrics::Globals& globals = board.globals;
    json::array ports;
    for (const metrics::PortSeries& port : series.ports) ports.push_back(port_object(port, board.ports[port.row]));
    auto processes = processes_by_handler(board);
    json::array handlers;
    for (const metrics::HandlerSeries& handler : series.handlers) {
        json::array& mine = processes[handler.row];
        handlers.push_back(json::object{{"handler", handler.name},
                                        {"ready", count_ready(mine)},
                                        {"on_demand", handler.on_demand},
                                        {"restarts", sum(board.handlers[handler.row].restarts)},
                                        {"processes", std::move(mine)}});
    }
    const double uptime = static_cast<double>(wall_milliseconds() - globals.started_ms.get()) / 1e3;
    return json::serialize(json::object{{"version", kVersion},
                                        {"generation", globals.generation.get()},
                                        {"uptime_seconds", uptime},
                                        {"last_reload_successful", globals.last_reload_ok.get() == 1},
                                        {"keeper_pid", globals.roles[0].pid.get()},
                                        {"router_pid", globals.roles[1].pid.get()},
                                        {"router_restarts", sum(globals.router_restarts)},
                                        {"ports", std::move(ports)},
                                        {"handlers", std::move(handlers)}});
}

std::string status_text(const std::string& status_json) {
    const json::value status = json::parse(status_json);
    std::string text = fmt::format("portier {}  up {}  generation {}\n", word(status, "version"),
                                   age(status.at("uptime_seconds").to_number<double>()), number(status, "generation"));
    if (!status.at("last_reload_successful").as_bool())
        text += "! the last reload was refused, the configuration before it is in force: portier check FILE\n";
    for (const json::value& handler : status.at("handlers").as_array())
        if (number(handler, "ready") == 0 && !handler.at("on_demand").as_bool())
            text += fmt::format("! handler {} has no ready process\n", word(handler, "handler"));
    text += fmt::format("\n{:<28} {:<14} {:<8} {:>8}{:<8} {:>10} {:>8} {:>6} {:>10} {:>10}\n", "PORT", "HANDLER",
                        "DELIVERY", "ACTIVE", "/LIMIT", "ACCEPTED", "REJECTED", "QUEUE", "RECEIVED", "SENT");
    for (const json::value& port : status.at("ports").as_array()) text += port_line(port);
    text += fmt::format("\n{:<20} {:>7} {:>8} {:<9} {:>11} {:>8} {:>9} {:>9}\n", "HANDLER", "PROCESS", "PID", "STATE",
                        "CONNECTIONS", "FDS", "MEMORY", "UP");
    for (const json::value& handler : status.at("handlers").as_array())
        for (const json::value& process : handler.at("processes").as_array())
            text += process_line(word(handler, "handler"), process);
    return text;
}

std::string unready_handlers(const metrics::Board& board, const metrics::Series& series) {
    auto processes = processes_by_handler(board);
    std::string text;
    for (const metrics::HandlerSeries& handler : series.handlers)
        if (!handler.on_demand && count_ready(processes[handler.row]) == 0) text += "handler " + handler.name + " has no ready process\n";
    return text;
}

}  // namespace portier::admin
