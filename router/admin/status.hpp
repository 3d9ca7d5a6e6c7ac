// The state of everything as JSON, from the board: what `portier status -o json` and /api/status say. Any thread.
#pragma once

#include <string>

#include "metrics/exposition.hpp"

namespace portier::admin {

// {"version", "generation", "uptime_seconds", "last_reload_successful", "ports": [...], "handlers": [...]}; the
// processes of a handler by slot.
std::string status_json(const metrics::Board& board, const metrics::Series& series);

// The handlers without a ready process, in words; empty when all are served.
std::string unready_handlers(const metrics::Board& board, const metrics::Series& series);

}  // namespace portier::admin
