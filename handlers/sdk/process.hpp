// What every handler process sets up once at start. Call before other threads exist.
#pragma once

#include "base/fd.hpp"

namespace portier::sdk {

// Raises the soft limit of open files to the hard one: the low default of old is meant for select(2).
void raise_descriptor_limit();

// A descriptor that becomes readable on SIGTERM or SIGINT, which no longer end the process by themselves.
// Throws std::system_error.
Fd termination_signals();

}  // namespace portier::sdk
