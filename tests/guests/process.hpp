// One process of a run: its loop from the first connection to the last.
#pragma once

#include "options.hpp"
#include "stage.hpp"

namespace portier::guests {

// Returns when the mode has finished or `limit_ns` (CLOCK_MONOTONIC) has come. Throws std::system_error.
void run_process(const Options& options, std::uint32_t process, Stage& stage, std::int64_t limit_ns);

}  // namespace portier::guests
