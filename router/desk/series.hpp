// What the rows of the board are called, from the plan in force. Pure.
#pragma once

#include "delivery/plan.hpp"
#include "metrics/exposition.hpp"

namespace portier::desk {

metrics::Series series_of(const delivery::Plan& plan);

}  // namespace portier::desk
