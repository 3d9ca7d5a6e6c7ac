#include "process.hpp"

#include <algorithm>

#include "clock.hpp"
#include "mode.hpp"

namespace portier::guests {

void run_process(const Options& options, std::uint32_t process, Stage& stage, std::int64_t limit_ns) {
    Loop loop;
    loop.watch_command(stage.gate(), Loop::kGate);
    loop.watch_command(stage.stop(), Loop::kStop);
    const auto mode = make_mode({options, process, loop, stage.shares()[process]});
    bool said_ready = false;
    std::int64_t now = now_ns();
    while (!mode->finished(now)) {
        if (now >= limit_ns) return mode->give_up();
        mode->step(now);
        if (!said_ready && mode->ready()) {
            said_ready = true;
            stage.say_ready(process);
        }
        for (const epoll_event& event : loop.wait(std::min(mode->wakeup_ns(now), limit_ns))) {
            if (event.data.u64 == Loop::kGate) {
                mode->release(now_ns());
            } else if (event.data.u64 == Loop::kStop) {
                mode->stop();
            } else {
                mode->on_event(static_cast<std::uint32_t>(event.data.u64), event.events);
            }
        }
        now = now_ns();
    }
}

}  // namespace portier::guests
