// What a new configuration would change, in words: the answer to `portier reload --dry-run`.
#pragma once

#include <set>
#include <string>

#include "config/config.hpp"

namespace portier::keeper {

// A line for each port and handler that comes, goes or changes, and for the admin and router sections. `restarted` are
// the handlers whose processes would be replaced. Empty: nothing changes.
std::string describe_changes(const config::Config& before, const config::Config& after,
                             const std::set<std::string>& restarted);

}  // namespace portier::keeper
