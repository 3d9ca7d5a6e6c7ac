// The state of everything for a person: one screen, what is wrong first. Pure functions; any thread.
#pragma once

#include <string>

namespace portier::admin {

// From status_json(), with or without what only the keeper knows: "config", "stopping", "last_reload_error" and, at a
// process, "status" and "last_end". What handlers said of themselves is escaped.
std::string status_text(const std::string& status_json);

}  // namespace portier::admin
