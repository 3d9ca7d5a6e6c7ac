#include "admin/commands.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include "admin/command_request.hpp"
#include "admin/diagnostics_json.hpp"
#include "admin/status.hpp"
#include "desk/series.hpp"
#include "keeper/keeper.hpp"

namespace portier::admin {

namespace {

namespace json = boost::json;

std::string result(bool ok, const std::string& text) {
    return json::serialize(json::object{{"ok", ok}, {"text", text}});
}

std::string reload_result(const keeper::Keeper& keeper, const keeper::ReloadAnswer& outcome) {
    return json::serialize(json::object{{"ok", outcome.ok},
                                        {"text", outcome.text},
                                        {"generation", keeper.board().globals.generation.get()},
                                        {"diagnostics", diagnostics_json(outcome.diagnostics)}});
}

// What a process says of itself, and how the one before it ended. Who is being replaced is in no slot any more.
void add_words(json::object& process, const keeper::Slot& slot) {
    const keeper::HandlerProcess* running = slot.process();
    if (running && running->pid() != process.at("pid").to_number<pid_t>()) return;
    process["status"] = running ? running->status() : "";
    process["last_end"] = slot.last_end();
}

// How long a stop takes at most: the connections may go on for so long, then the handlers are asked to end, then
// killed.
double stop_seconds(const config::Config& config) {
    std::chrono::milliseconds longest{0};
    for (const config::Handler& handler : config.handlers) longest = std::max(longest, handler.stop.timeout);
    return static_cast<double>((config.router.drain_timeout + longest).count()) / 1e3;
}

KnownProcesses processes_of(const keeper::Keeper& keeper) {
    KnownProcesses known{.keeper = ::getpid(), .router = keeper.router_pid(), .of_handlers = {}};
    for (const keeper::HandlerProcess* process : keeper.pool().processes())
        known.of_handlers[process->row()] = process->pid();
    return known;
}

std::string status_answer(keeper::Keeper& keeper) {
    const KnownProcesses known = processes_of(keeper);
    json::object status = json::parse(status_json(keeper.board(), desk::series_of(keeper.plan()), &known)).as_object();
    status["config"] = keeper.config().file;
    status["stopping"] = keeper.stopping();
    status["stop_seconds"] = stop_seconds(keeper.config());
    status["last_reload_error"] = keeper.last_reload_error();
    std::map<keeper::SlotKey, const keeper::Slot*> slots;
    for (const keeper::Slot* slot : keeper.pool().slots()) slots[{slot->plan().handler.name, slot->plan().slot}] = slot;
    for (json::value& handler : status.at("handlers").as_array()) {
        const std::string name(handler.at("handler").as_string());
        for (json::value& process : handler.at("processes").as_array()) {
            const auto slot = slots.find({name, process.at("process").to_number<std::uint32_t>()});
            if (slot != slots.end()) add_words(process.as_object(), *slot->second);
        }
    }
    return json::serialize(json::object{{"ok", true}, {"status", std::move(status)}});
}

}  // namespace

void dispatch_command(keeper::Keeper& keeper, const std::function<void(std::function<void()>)>& stop,
                      const std::string& request, const CommandServer::Answer& answer) {
    const CommandRequest command = read_command_request(request);
    const auto tell = [answer, &keeper](const keeper::ReloadAnswer& outcome) {
        answer(reload_result(keeper, outcome));
    };
    if (command.name == "status") return answer(status_answer(keeper));
    if (command.name == "reload" && command.dry_run) return tell(keeper.rehearse_reload());
    if (command.name == "reload") return keeper.reload(tell);
    if (command.name == "stop") return stop([answer] { answer(result(true, "stopped\n")); });
    answer(result(false, "unknown command\n"));
}

}  // namespace portier::admin
