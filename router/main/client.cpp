#include "main/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "admin/command_address.hpp"
#include "admin/command_client.hpp"
#include "admin/diagnostics_json.hpp"
#include "admin/status_text.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "config/config.hpp"
#include "metrics/catalogue.hpp"

namespace portier {

namespace {

namespace json = boost::json;

json::value ask(const ClientOptions& options, const char* command) {
    const std::string path = admin::command_path(options.socket, "");
    json::object request{{"command", command}};
    if (options.dry_run) request["dry_run"] = true;
    return json::parse(admin::ask(path, json::serialize(request)));
}

// Whoever answers does not write to the terminal as it likes.
std::string text_of(const json::value& answer) {
    return printable(std::string_view(answer.at("text").as_string()));
}

// A command whose answer is done or not done, with words. Returns whether it was done.
bool print_answer(const json::value& answer, bool as_json) {
    const bool ok = answer.at("ok").as_bool();
    if (as_json)
        std::cout << json::serialize(answer) << "\n";
    else
        (ok ? std::cout : std::cerr) << text_of(answer);
    return ok;
}

bool has_errors(const json::value& answer) {
    const json::value* diagnostics = answer.as_object().if_contains("diagnostics");
    if (!diagnostics || !diagnostics->is_array()) return false;
    const json::array& all = diagnostics->as_array();
    return std::any_of(all.begin(), all.end(), [](const json::value& one) { return one.at("severity") == "error"; });
}

// What `stop` waits for, so that nobody wonders.
std::string waiting_for(const json::value& status) {
    std::uint64_t connections = 0, flows = 0;
    for (const json::value& value : status.at("ports").as_array()) {
        const json::object& port = value.as_object();
        if (const json::value* active = port.if_contains("active")) connections += active->to_number<std::uint64_t>();
        const bool handed = port.at("delivery") == "handoff";  // a relay has nothing to finish for a flow
        if (const json::value* some = handed ? port.if_contains("flows") : nullptr)
            flows += some->to_number<std::uint64_t>();
    }
    if (connections + flows == 0) return "";
    const auto counted = [](std::uint64_t count, const char* what) {
        return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
    };
    std::string text = connections ? counted(connections, "connection") : counted(flows, "flow");
    if (connections && flows) text += " and " + counted(flows, "flow");
    return fmt::format("waiting for {}, {} s at most; Ctrl-C leaves portier stopping\n", text,
                       status.at("stop_seconds").to_number<double>());
}

}  // namespace

int check(const std::string& file, bool effective, bool as_json) {
    const config::Loaded loaded = config::load(file);
    if (as_json) {
        json::object answer{{"ok", loaded.config.has_value()},
                            {"diagnostics", admin::diagnostics_json(loaded.diagnostics)}};
        if (effective && loaded.config) answer["effective"] = json::parse(config::effective_json(*loaded.config));
        std::cout << json::serialize(answer) << "\n";
        return loaded.config ? 0 : 2;
    }
    for (const auto& diagnostic : loaded.diagnostics) std::cerr << config::render(diagnostic);
    if (!loaded.config) return 2;
    if (effective)
        std::cout << config::effective_yaml(*loaded.config);
    else
        std::cout << fmt::format("{}: good, {}\n", file, config::summary(*loaded.config));
    return 0;
}

int schema() {
    std::cout << config::json_schema() << "\n";
    return 0;
}

int describe_metrics(bool as_json) {
    json::array all;
    for (const metrics::Metric& metric : metrics::catalogue()) {
        json::array labels;
        std::string joined;
        for (const char* label : metric.labels) {
            labels.emplace_back(label);
            joined += (joined.empty() ? "" : ",") + std::string(label);
        }
        const char* type = metrics::to_string(metric.kind);
        const std::string name = metric.name + (joined.empty() ? "" : "{" + joined + "}");
        if (!as_json) std::cout << fmt::format("{:<72} {:<9} {}\n", name, type, metric.help);
        all.push_back({{"name", metric.name}, {"type", type}, {"labels", labels}, {"help", metric.help}});
    }
    if (as_json) std::cout << json::serialize(all) << "\n";
    return 0;
}

int version(bool as_json) {
    if (as_json)
        std::cout << json::serialize(json::object{{"version", kVersion}}) << "\n";
    else
        std::cout << "portier " << kVersion << "\n";
    return 0;
}

int status(const ClientOptions& options) {
    const std::string document = json::serialize(ask(options, "status").at("status"));
    std::cout << (options.json ? document + "\n" : printable(admin::status_text(document)));
    return 0;
}

int reload(const ClientOptions& options) {
    const json::value answer = ask(options, "reload");
    if (print_answer(answer, options.json)) return 0;
    return has_errors(answer) ? 2 : 1;
}

int stop(const ClientOptions& options) {
    if (!options.json) {
        const json::value status = ask(options, "status").at("status");
        const bool already = status.at("stopping").as_bool();
        std::cerr << (already ? "portier is stopping already; now it waits for no connection\n" : waiting_for(status));
    }
    return print_answer(ask(options, "stop"), options.json) ? 0 : 1;
}

}  // namespace portier
