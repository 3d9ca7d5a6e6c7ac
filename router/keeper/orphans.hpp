// Reaps children that nobody here waits for: what others have left behind where this is the first process of a
// container or a child subreaper (prctl(2)), and processes of ours that could not be reaped when they ended, because
// somebody traced them (proc::reap()). Keeper's thread only.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/alarm.hpp"

namespace portier::keeper {

class Orphans {
public:
    // `is_ours`: whether somebody else here waits for the end of this process and wants to know how it ended.
    Orphans(boost::asio::io_context& io, std::function<bool(pid_t)> is_ours);

    // Now and then every second.
    void start();
    void stop() { next_.cancel(); }

private:
    void reap();

    std::function<bool(pid_t)> is_ours_;
    Alarm next_;
};

}  // namespace portier::keeper
