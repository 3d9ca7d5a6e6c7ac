// The router process: the desk on one thread, admin page and accounting on another. Started by the keeper only.
#pragma once

namespace portier {

// Descriptors 3 (link to the keeper) and 4 (the board) are ours. Returns the exit code when the keeper says stop or is
// gone.
int run_router();

}  // namespace portier
