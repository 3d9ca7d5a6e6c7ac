// What the command line can ask of a running portier, as requests to the keeper. Keeper's thread only.
#pragma once

#include <functional>
#include <string>

#include "admin/command_server.hpp"

namespace portier::keeper {
class Keeper;
}

namespace portier::admin {

// Answers {"command": "status" | "reload" | "stop"} with {"ok": bool, "text": "...", ...}; `status` has "status" in
// place of a text, `reload` also "generation" and "diagnostics". `stop` starts the end of the daemon; its answer comes
// when every handler has ended.
void dispatch_command(keeper::Keeper& keeper, const std::function<void(std::function<void()>)>& stop,
                      const std::string& request, const CommandServer::Answer& answer);

}  // namespace portier::admin
