// What a child does between clone and exec: limits, identity, descriptors, then the program. System calls only, no
// allocation: the memory that it needs is made by the parent before.
#pragma once

#include <vector>

#include "proc/spawn.hpp"

namespace portier::proc {

inline constexpr std::size_t kPidDigits = 12;  // room for the largest pid

struct ChildMemory {
    // Ended by nullptr. If the command has a `pid_variable`, it is the last of the environment, with kPidDigits zeros.
    std::vector<char*> argv, environment;
    std::vector<int> moved;  // as many as the command has descriptors
};

// Never returns: what fails is written to `report` as one StartFailure, and the child exits with 127.
[[noreturn]] void run_child(const Command& command, ChildMemory& memory, int report);

}  // namespace portier::proc
