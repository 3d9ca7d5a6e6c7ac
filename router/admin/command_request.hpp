// A request on the command socket: a line of JSON that anybody who may connect can send. Pure; any thread.
#pragma once

#include <string>

namespace portier::admin {

struct CommandRequest {
    std::string name;  // empty: no request
    bool dry_run = false;
};

CommandRequest read_command_request(const std::string& line);

}  // namespace portier::admin
