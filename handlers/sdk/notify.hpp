// Messages to the one who started us, as sd_notify(3) sends them: a datagram of KEY=VALUE lines to the socket
// named in NOTIFY_SOCKET. Without NOTIFY_SOCKET nothing is sent and that is no error. Any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <system_error>

namespace portier::sdk {

// READY=1: this process serves from now on. Waits up to five seconds when the receiver's queue is full.
std::error_code notify_ready();

// Any other state, such as "STOPPING=1" or "STATUS=12 rooms". Never waits: EAGAIN means that it was not sent.
std::error_code notify(std::string_view lines);

// How long we may be silent before we count as hung (WATCHDOG_USEC, meant for this process); ping with
// notify("WATCHDOG=1") at half of it. nullopt: nobody watches.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace portier::sdk
