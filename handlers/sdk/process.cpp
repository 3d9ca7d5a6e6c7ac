#include "sdk/process.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/error.hpp"

namespace portier::sdk {

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    // Refused only under a stricter sandbox; the lower limit then simply stays.
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

Fd termination_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &signals, nullptr)) throw_errno("pthread_sigmask", error);
    Fd fd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd) throw_errno("signalfd");
    return fd;
}

}  // namespace portier::sdk
