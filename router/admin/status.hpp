// The state of everything as JSON, from the board: what `portier status -o json` and /api/status say. Any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "metrics/exposition.hpp"

namespace portier::admin {

// The processes as somebody knows them who started them. The board may say otherwise: the router can write there.
struct KnownProcesses {
    pid_t keeper, router;                        // -1: there is none
    std::map<std::uint32_t, pid_t> of_handlers;  // by row
};

// {"version", "generation", "uptime_seconds", "last_reload_successful", "ports": [...], "handlers": [...]}; the
// processes of a handler by slot. `known`: their pids; else they are those of the board. 0: no process.
std::string status_json(const metrics::Board& board, const metrics::Series& series,
                        const KnownProcesses* known = nullptr);

// The handlers without a ready process, in words; empty when all are served.
std::string unready_handlers(const metrics::Board& board, const metrics::Series& series);

}  // namespace portier::admin
