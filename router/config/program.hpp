// Finds programs and says why one cannot be executed, before anybody tries: missing, a folder, no permission, a script
// without its interpreter, made for another machine. Looks at the disk; any thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace portier::config {

// Who is going to execute it.
struct Identity {
    std::string name;  // for messages
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;
};

struct ProgramProblem {
    std::string message;
    std::string hint;
};

// The first executable file `name` in the folders of `path` (as in $PATH).
std::optional<std::string> find_program(const std::string& name, const std::string& path);

// Nothing: `program`, an absolute path, can be executed by `who`. `path` is for scripts that begin with #!/usr/bin/env.
std::optional<ProgramProblem> inspect_program(const std::string& program, const Identity& who, const std::string& path);

}  // namespace portier::config
