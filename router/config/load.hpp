// load() with a given host, for tests: "not root" and environment variables are then just values.
#pragma once

#include "config/config.hpp"
#include "config/host.hpp"

namespace portier::config {

Loaded load(const std::string& file, const Host& host);

}  // namespace portier::config
