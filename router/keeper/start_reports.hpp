// Why programs could not be started, told by their children through one pipe (proc::launch()), so that the keeper need
// not wait for each exec. Keeper's thread only.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>

#include "base/fd.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

class StartReports {
public:
    StartReports();  // throws std::system_error

    int write_end() const { return write_.get(); }

    // For a child that has ended: nullopt if its program ran.
    std::optional<proc::StartFailure> take(pid_t pid);

private:
    Fd read_, write_;
    std::map<pid_t, proc::StartFailure> failures_;
};

}  // namespace portier::keeper
