#include "keeper/start_reports.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"

namespace portier::keeper {

StartReports::StartReports() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw_errno("pipe for failed starts");
    read_ = Fd(ends[0]);
    write_ = Fd(ends[1]);
    ::fcntl(read_.get(), F_SETFL, O_NONBLOCK);
}

// A report is shorter than PIPE_BUF, so it is there whole or not at all (pipe(7)).
std::optional<proc::StartFailure> StartReports::take(pid_t pid) {
    for (proc::StartFailure failure; ::read(read_.get(), &failure, sizeof failure) == sizeof failure;)
        failures_[failure.pid] = failure;
    const auto found = failures_.extract(pid);
    return found ? std::optional(found.mapped()) : std::nullopt;
}

}  // namespace portier::keeper
