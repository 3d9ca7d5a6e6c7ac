// What the admin page answers: /metrics, /healthz, /readyz, /api/status and a status page for a person. Admin thread.
#pragma once

#include <string>

#include "admin/http_server.hpp"
#include "metrics/exposition.hpp"

namespace portier::admin {

Page page_for(const std::string& path, const metrics::Board& board, const metrics::Series& series);

}  // namespace portier::admin
