// The processes of a run: how many it takes, forking them, waiting for them with the progress shown, opening the gate
// between the two halves, and merging what they counted. A process that outlives the limit is killed. Linux only.
#pragma once

#include "options.hpp"
#include "tally.hpp"

namespace portier::guests {

// Raises RLIMIT_NOFILE to its hard limit and returns how many processes `options` needs: as many as were asked for,
// or more if one may not hold its part of the descriptors.
std::uint32_t processes_needed(const Options& options);

struct Result {
    Tally tally;
    std::uint32_t broken_processes = 0;  // ended by a signal or an exception: their numbers may be incomplete
};

// Runs to the end. Throws std::system_error if it cannot start.
Result run_processes(const Options& options);

}  // namespace portier::guests
