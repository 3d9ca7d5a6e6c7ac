#include "admin/status_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <vector>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace portier::admin {

namespace {

namespace json = boost::json;

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
    const json::value* value = object.as_object().if_contains(key);
    return value ? value->to_number<std::uint64_t>() : 0;
}

std::string digits(const json::value& object, const char* key) {
    return std::to_string(number(object, key));
}

// Empty: it is not there.
std::string word(const json::value& object, const char* key) {
    const json::value* value = object.as_object().if_contains(key);
    return value && value->is_string() ? escape(std::string_view(value->as_string())) : "";
}

bool is_true(const json::value& object, const char* key) {
    const json::value* value = object.as_object().if_contains(key);
    return value && value->is_bool() && value->as_bool();
}

std::size_t width_of(const std::string& text) {  // in characters
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// Columns as wide as what stands in them. `columns` has a letter for each: '<' begins at the left, '>' ends at the
// right, '/' follows the one before without a blank.
struct Table {
    std::string columns;
    std::vector<std::vector<std::string>> rows{};

    std::string print() const {
        std::vector<std::size_t> widths(columns.size());
        for (const auto& row : rows)
            for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
        std::string out;
        for (const auto& row : rows) {
            std::string line;
            for (std::size_t i = 0; i < row.size(); ++i) {
                const std::string padding(widths[i] - width_of(row[i]), ' ');
                if (i > 0 && columns[i] != '/') line += "  ";
                line += columns[i] == '>' ? padding + row[i] : row[i] + padding;
            }
            out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        }
        return out;
    }
};

std::string problems(const json::value& status) {
    std::string text;
    if (is_true(status, "stopping")) text += "! stopping: no new connections, waiting for those that are there\n";
    if (!is_true(status, "last_reload_successful")) {
        const std::string file = word(status, "config");
        text += "! the last reload was refused, the configuration before it is in force";
        text += file.empty() ? "\n" : "; what is wrong: portier check " + file + "\n";
    }
    for (const json::value& handler : status.at("handlers").as_array())
        if (const std::string problem = word(handler, "problem"); !problem.empty())
            text += fmt::format("! handler {} has {}\n", word(handler, "handler"), problem);
    return text;
}

std::string limit_of(const json::value& port) {
    const std::uint64_t limit = number(port, "limit");
    return limit ? "/" + std::to_string(limit) : "";
}

std::vector<std::string> connection_cells(const json::value& port) {
    return {digits(port, "active"),           limit_of(port),
            digits(port, "accepted"),         digits(port, "rejected"),
            digits(port, "accept_queue"),     bytes(number(port, "received_bytes")),
            bytes(number(port, "sent_bytes"))};
}

// Where its processes read the port themselves, nothing is known.
std::vector<std::string> flow_cells(const json::value& port) {
    if (!port.as_object().contains("flows")) return {};
    return {digits(port, "flows"), limit_of(port), digits(port, "created"), digits(port, "dropped")};
}

std::string ports(const json::value& status) {
    Table table{.columns = "<<<>/>>>>>"};
    table.rows.push_back(
        {"PORT", "HANDLER", "DELIVERY", "ACTIVE", "/LIMIT", "ACCEPTED", "REJECTED", "QUEUE", "RECEIVED", "SENT"});
    for (const json::value& port : status.at("ports").as_array()) {
        table.rows.push_back({word(port, "port"), word(port, "handler"), word(port, "delivery")});
        for (std::string& cell : word(port, "protocol") == "udp" ? flow_cells(port) : connection_cells(port))
            table.rows.back().push_back(std::move(cell));
    }
    return table.print();
}

// What it says of itself, and how the one before it ended.
std::string words_about(const json::value& process) {
    const std::string status = word(process, "status"), last_end = word(process, "last_end");
    if (last_end.empty()) return status;
    return status + (status.empty() ? "" : "; ") + "last ended: " + last_end;
}

// Zero is what nobody has measured yet: a process has a descriptor and a page.
std::string measured(const json::value& process, const char* key, std::string (*text)(std::uint64_t)) {
    const std::uint64_t value = number(process, key);
    return value == 0 ? "-" : text(value);
}

std::vector<std::string> process_row(const json::value& handler, const json::value& process) {
    const double started = process.at("started").to_number<double>();
    const std::string up = started > 0 ? age(static_cast<double>(wall_milliseconds()) / 1e3 - started) : "-";
    const bool rests = number(process, "pid") == 0;
    // Of inetd-wait the number is that of a socket.
    const bool has_slot = !rests || word(handler, "delivery") != "spawn";
    return {word(handler, "handler"),
            has_slot ? digits(process, "process") : "-",
            rests ? "-" : digits(process, "pid"),
            word(process, "state"),
            digits(process, "connections"),
            measured(process, "open_fds", [](std::uint64_t value) { return std::to_string(value); }),
            measured(process, "resident_bytes", bytes),
            up,
            digits(handler, "restarts"),
            words_about(process)};
}

std::string processes(const json::value& status) {
    Table table{.columns = "<>><>>>>><"};
    table.rows.push_back(
        {"HANDLER", "PROCESS", "PID", "STATE", "CONNECTIONS", "FDS", "MEMORY", "UP", "RESTARTS", "STATUS"});
    for (const json::value& handler : status.at("handlers").as_array()) {
        const json::array& all = handler.at("processes").as_array();
        for (const json::value& process : all) table.rows.push_back(process_row(handler, process));
        if (word(handler, "delivery") == "spawn" && all.empty())
            table.rows.push_back({word(handler, "handler"), "-", "-", "ready", digits(handler, "running"), "-", "-",
                                  "-", "-", "one process each"});
        else if (all.empty() && is_true(handler, "on_demand"))
            table.rows.push_back({word(handler, "handler"), "-", "-", "asleep", "0", "-", "-", "-",
                                  digits(handler, "restarts"), "starts on demand"});
    }
    return table.print();
}

std::string backends(const json::value& status) {
    Table table{.columns = "<><<>>"};
    for (const json::value& handler : status.at("handlers").as_array())
        for (const json::value& backend : handler.at("backends").as_array())
            table.rows.push_back({word(handler, "handler"), digits(backend, "backend"), word(backend, "address"),
                                  is_true(backend, "up") ? "up" : "down", digits(backend, "connections"),
                                  digits(backend, "failures")});
    if (table.rows.empty()) return "";
    table.rows.insert(table.rows.begin(), {"HANDLER", "BACKEND", "ADDRESS", "STATE", "CONNECTIONS", "FAILURES"});
    return "\n" + table.print();
}

}  // namespace

std::string status_text(const std::string& status_json) {
    const json::value status = json::parse(status_json);
    const std::string file = word(status, "config");
    return fmt::format("portier {}  up {}  generation {}{}\n", word(status, "version"),
                       age(status.at("uptime_seconds").to_number<double>()), number(status, "generation"),
                       file.empty() ? "" : "  " + file) +
           problems(status) + "\n" + ports(status) + "\n" + processes(status) + backends(status);
}

}  // namespace portier::admin
