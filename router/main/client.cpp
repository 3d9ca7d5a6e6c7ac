#include "main/client.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iostream>

#include "admin/command_address.hpp"
#include "admin/command_client.hpp"
#include "admin/status.hpp"
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

// A command whose answer is done or not done, with words.
int order(const ClientOptions& options, const char* command) {
    const json::value answer = ask(options, command);
    const bool ok = answer.at("ok").as_bool();
    if (options.json)
        std::cout << json::serialize(answer) << "\n";
    else
        (ok ? std::cout : std::cerr) << answer.at("text").as_string().c_str();
    return ok ? 0 : 1;
}

json::object diagnostic_object(const config::Diagnostic& diagnostic) {
    return {{"severity", diagnostic.severity == config::Severity::error ? "error" : "warning"},
            {"file", diagnostic.mark.file},
            {"line", diagnostic.mark.line},
            {"column", diagnostic.mark.column},
            {"key", diagnostic.key_path},
            {"message", diagnostic.message},
            {"hint", diagnostic.hint}};
}

}  // namespace

int check(const std::string& file, bool effective, bool as_json) {
    const config::Loaded loaded = config::load(file);
    if (as_json) {
        json::array diagnostics;
        for (const auto& diagnostic : loaded.diagnostics) diagnostics.push_back(diagnostic_object(diagnostic));
        std::cout << json::serialize(json::object{{"ok", loaded.config.has_value()}, {"diagnostics", diagnostics}})
                  << "\n";
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
    std::cout << (options.json ? document + "\n" : admin::status_text(document));
    return 0;
}

int reload(const ClientOptions& options) { return order(options, "reload"); }

int stop(const ClientOptions& options) { return order(options, "stop"); }

}  // namespace portier
