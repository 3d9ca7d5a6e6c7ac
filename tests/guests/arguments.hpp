// The command line of guests.
#pragma once

#include <variant>

#include "options.hpp"

namespace portier::guests {

struct Exit {
    int code;
};

// Prints help (Exit 0) or what is wrong with the arguments (Exit 2) itself.
std::variant<Options, Exit> parse_arguments(int argc, char** argv);

}  // namespace portier::guests
