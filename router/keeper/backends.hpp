// The addresses that a handler's relay connects to, as the plan has them. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "delivery/plan.hpp"
#include "keeper/resolver.hpp"

namespace portier::keeper {

struct BackendEntry {
    std::size_t entry = 0;  // which of `connect`
    std::string row_name;   // for Rows::backend(): the same as long as it is the same address
    delivery::BackendPlan plan;
};

// The entries of `connect` in their order, a name once for each of its addresses. An address of another family than
// `source_address` is left out.
std::vector<BackendEntry> backends_of(const config::Handler& handler, const Addresses& addresses);

// Of all handlers.
std::set<std::string> backend_row_names(const config::Config& config, const Addresses& addresses);

}  // namespace portier::keeper
