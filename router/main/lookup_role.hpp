// The lookup process: turns names into addresses for the keeper, which must not wait and reads nothing from the
// network. Started by the keeper only, without privileges.
#pragma once

#include <string>
#include <vector>

namespace portier {

// Writes a line to stdout for each name as soon as it is known, as keeper/resolver reads it: "NAME ADDRESS ADDRESS", or
// "NAME ! why not". Returns the exit code.
int run_lookup(const std::vector<std::string>& names);

}  // namespace portier
