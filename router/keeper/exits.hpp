// How the end of a process of delivery `spawn` is counted. Pure.
#pragma once

#include <optional>

#include "metrics/board.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

// Of the handler's exits and processor time. nullopt: nobody knows how it ended.
void count_exit(metrics::HandlerRow& row, const std::optional<proc::Ending>& ending);

}  // namespace portier::keeper
