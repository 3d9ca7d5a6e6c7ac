// The link between keeper and router: a channel (net/channel.hpp) with few messages. The keeper offers descriptors by
// number, then sends a plan that names them; the router answers when the plan is in force. One thread on each end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "delivery/spawn/request.hpp"

namespace portier::delivery {

enum class LinkType : std::uint8_t {
    offer = 1,    // keeper: descriptors, with their numbers
    plan = 2,     // keeper: a plan, as a memory file
    stop = 3,     // keeper: accept what is waiting, deliver it, end; said again: at once
    applied = 4,  // router: the plan of this generation is in force, descriptors that it does not name are closed;
                  // kNoPlan: the router accepts nothing more
    demand = 5,   // router: a connection waits for this handler, which has no process
    broken = 6,   // router: this process will take no more connections
    ping = 7,     // keeper: both threads of the router answer by `applied`
    spawn = 8,    // router: a process for this connection
    spawned_ended = 9,  // keeper: it is gone
};

// As the generation of `applied`: stop has been heard.
inline constexpr std::uint64_t kNoPlan = 0;

struct LinkMessage {
    LinkType type;
    std::uint64_t generation = 0;  // demand, broken: the row; stop: ms until what the router still has is closed
    std::vector<std::pair<std::uint32_t, Fd>> offered;
    std::string plan;
    SpawnRequest spawn;
    Fd connection;  // of `spawn`; empty: the keeper was out of descriptors
    SpawnEnd ended;
};

using Deadline = std::chrono::steady_clock::time_point;

// The caller keeps the descriptors. Wait while the queue is full, until then at most (ETIMEDOUT).
std::error_code send_offer(int link, std::span<const std::pair<std::uint32_t, int>> descriptors, Deadline until);
std::error_code send_plan(int link, std::uint64_t generation, const std::string& plan, Deadline until);
// The others do not wait (EAGAIN).
std::error_code send_stop(int link, std::chrono::milliseconds patience);
std::error_code send_ping(int link, std::uint64_t generation);
std::error_code send_applied(int link, std::uint64_t generation);
std::error_code send_demand(int link, std::uint32_t handler_row);
std::error_code send_broken(int link, std::uint32_t process_row);
std::error_code send_spawn(int link, const SpawnRequest& request, int connection);
std::error_code send_spawned_ended(int link, const SpawnEnd& end);

struct LinkReceived {
    std::error_code error;  // EAGAIN: nothing there; EPIPE: the other side is gone; EBADMSG
    std::optional<LinkMessage> message;
    std::vector<Fd> refused{};  // came where none are due; closing them may wait
};
LinkReceived receive_link(int link);
// At the keeper's end: what no router says (anything but `applied`, `demand`, `broken` and `spawn`) is EBADMSG and is
// not looked at further.
LinkReceived receive_from_router(int link);

}  // namespace portier::delivery
