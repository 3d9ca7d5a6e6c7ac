// Reads a configuration file from the disk, within the limits and with a look at who could have written it.
// Any thread.
#pragma once

#include <sys/types.h>
#include <string>

#include "config/units.hpp"

namespace portier::config {

enum class Pipes { refused, read };

// `problem` is what the system says. A file that everybody may write to is refused when `reader` is root. What is not
// a file is refused at once, so that nothing can keep the caller waiting; with Pipes::read an open pipe (/dev/stdin,
// /dev/fd/63) is read to its end, unless it stays silent for 5 s.
Parsed<std::string> read_file(const std::string& path, uid_t reader, Pipes pipes = Pipes::refused);

}  // namespace portier::config
