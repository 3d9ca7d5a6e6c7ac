#include "metrics/own_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "proc/usage.hpp"

namespace portier::metrics {

void record_own_usage(RoleRow& row) {
    const auto pid = static_cast<std::uint64_t>(::getpid());
    if (row.pid.get() != pid) {
        row.pid.set(pid);
        row.started_ms.set(wall_milliseconds());
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) row.max_fds.set(limit.rlim_cur);
    const auto usage = proc::read_usage(::getpid());
    if (!usage) return;
    row.cpu_microseconds.set(usage->cpu_microseconds);
    row.resident_bytes.set(usage->resident_bytes);
    row.virtual_bytes.set(usage->virtual_bytes);
    row.open_fds.set(usage->open_fds);
}

}  // namespace portier::metrics
