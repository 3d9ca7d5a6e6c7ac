// ${NAME}, ${NAME:-default} and $$ in values, as Compose has them, but a variable that is not set is an error. Done
// after aliases, so a variable can bring in text but never structure. One thread.
#pragma once

#include "config/diagnostics.hpp"
#include "config/host.hpp"
#include "config/tree.hpp"

namespace portier::config {

// Replaces in every value below `root`; keys and private (x-) values stay as they are.
void substitute_variables(Node& root, const Source& source, const Host& host, Diagnostics& diagnostics);

}  // namespace portier::config
