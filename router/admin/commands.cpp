#include "admin/commands.hpp"

#include <boost/json.hpp>

#include "admin/status.hpp"
#include "desk/series.hpp"
#include "keeper/keeper.hpp"

namespace portier::admin {

namespace {

namespace json = boost::json;

std::string result(bool ok, const std::string& text) {
    return json::serialize(json::object{{"ok", ok}, {"text", text}});
}

std::string command_of(const std::string& request) {
    json::error_code error;
    const json::value value = json::parse(request, error);
    if (error || !value.is_object()) return "";
    const json::value* command = value.as_object().if_contains("command");
    return command && command->is_string() ? std::string(command->as_string()) : "";
}

std::string status_answer(keeper::Keeper& keeper) {
    json::object status =
        json::parse(status_json(keeper.board(), desk::series_of(keeper.plan()))).as_object();
    status["last_reload_error"] = keeper.last_reload_error();
    return json::serialize(json::object{{"ok", true}, {"status", std::move(status)}});
}

}  // namespace

void dispatch_command(keeper::Keeper& keeper, const std::function<void(std::function<void()>)>& stop,
                      const std::string& request, CommandServer::Answer answer) {
    const std::string command = command_of(request);
    if (command == "status") return answer(status_answer(keeper));
    if (command == "reload")
        return keeper.reload([answer](const keeper::ReloadAnswer& outcome) { answer(result(outcome.ok, outcome.text)); });
    if (command == "stop") return stop([answer] { answer(result(true, "stopped\n")); });
    answer(result(false, "unknown command\n"));
}

}  // namespace portier::admin
