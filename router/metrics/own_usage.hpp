// The standard process_* metrics of the calling process. Any thread.
#pragma once

#include "metrics/board.hpp"

namespace portier::metrics {

void record_own_usage(RoleRow& row);

}  // namespace portier::metrics
