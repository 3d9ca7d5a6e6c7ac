// What follows from the options that were given: those that were not, how many processes and source addresses a run
// takes, and what does not fit together.
#pragma once

#include <optional>
#include <string>

#include "options.hpp"

namespace portier::guests {

// Raises RLIMIT_NOFILE to its hard limit, because the number of processes depends on it.
void fill_in_defaults(Options& options);

// What is wrong with options that are filled in, for the user; nothing if all is well.
std::optional<std::string> complaint_about(const Options& options);

}  // namespace portier::guests
