// `portier run FILE`: the keeper in the foreground.
#pragma once

#include <string>

namespace portier {

struct RunOptions {
    std::string file;
    std::string socket;  // --socket
};

int run(const RunOptions& options);

}  // namespace portier
