// What accounting has to know of a connection that goes to a process. Pure; any thread.
#pragma once

#include <cstdint>

#include "delivery/delivery.hpp"
#include "metrics/handover.hpp"

namespace portier::delivery {

// `process_row`: its row on the board, or 0 while none has it.
metrics::Handover handover_of(const Accepted& accepted, std::uint32_t process_row);

}  // namespace portier::delivery
