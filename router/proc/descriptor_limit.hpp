// The limit of open descriptors (RLIMIT_NOFILE). portier takes all that it may have: a port is a descriptor. Programs
// that it starts get the limit that portier was started with, because a raised one breaks those that use select(2).
// The keeper's thread, at the start.
#pragma once

#include <cstdint>

namespace portier::proc {

// Our soft limit becomes the hard one.
void raise_descriptor_limit();

// The soft limit before that, or as it is.
std::uint64_t former_descriptor_limit();

}  // namespace portier::proc
