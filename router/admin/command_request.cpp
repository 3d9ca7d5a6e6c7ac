#include "admin/command_request.hpp"

#include <boost/json.hpp>

namespace portier::admin {

namespace json = boost::json;

CommandRequest read_command_request(const std::string& line) {
    json::error_code error;
    const json::value value = json::parse(line, error);
    if (error || !value.is_object()) return {};
    const json::value* name = value.as_object().if_contains("command");
    const json::value* dry_run = value.as_object().if_contains("dry_run");
    return {.name = name && name->is_string() ? std::string(name->as_string()) : "",
            .dry_run = dry_run && dry_run->is_bool() && dry_run->as_bool()};
}

}  // namespace portier::admin
