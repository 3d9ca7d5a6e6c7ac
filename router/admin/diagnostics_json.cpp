#include "admin/diagnostics_json.hpp"

#include <boost/json.hpp>

namespace portier::admin {

namespace {

namespace json = boost::json;

json::object place(const config::Mark& mark) {
    return {{"file", mark.file}, {"line", mark.line}, {"column", mark.column}};
}

}  // namespace

json::array diagnostics_json(const std::vector<config::Diagnostic>& diagnostics) {
    json::array all;
    for (const config::Diagnostic& diagnostic : diagnostics) {
        json::object object{{"severity", diagnostic.severity == config::Severity::error ? "error" : "warning"}};
        for (const auto& [key, value] : place(diagnostic.mark)) object[key] = value;
        object["key"] = diagnostic.key_path;
        object["message"] = diagnostic.message;
        object["hint"] = diagnostic.hint;
        object["other"] = diagnostic.other ? json::value(place(*diagnostic.other)) : json::value(nullptr);
        all.push_back(std::move(object));
    }
    return all;
}

}  // namespace portier::admin
