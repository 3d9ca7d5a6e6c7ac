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

struct Command {
    std::string name;
    bool dry_run = false;
};

Command command_of(const std::string& request) {
    json::error_code error;
    const json::value value = json::parse(request, error);
    if (error || !value.is_object()) return {};
    const json::value* name = value.as_object().if_contains("command");
    const json::value* dry_run = value.as_object().if_contains("dry_run");
    return {.name = name && name->is_string() ? std::string(name->as_string()) : "",
            .dry_run = dry_run && dry_run->is_bool() && dry_run->as_bool()};
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
    const Command command = command_of(request);
    const auto tell = [answer](const keeper::ReloadAnswer& outcome) { answer(result(outcome.ok, outcome.text)); };
    if (command.name == "status") return answer(status_answer(keeper));
    if (command.name == "reload" && command.dry_run) return tell(keeper.rehearse_reload());
    if (command.name == "reload") return keeper.reload(tell);
    if (command.name == "stop") return stop([answer] { answer(result(true, "stopped\n")); });
    answer(result(false, "unknown command\n"));
}

}  // namespace portier::admin
