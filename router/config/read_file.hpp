// Reads a configuration file from the disk, within the limits and with a look at who could have written it.
// Any thread.
#pragma once

#include <sys/types.h>
#include <string>

#include "config/units.hpp"

namespace portier::config {

// `problem` is what the system says. A file that everybody may write to is refused when `reader` is root.
Parsed<std::string> read_file(const std::string& path, uid_t reader);

}  // namespace portier::config
