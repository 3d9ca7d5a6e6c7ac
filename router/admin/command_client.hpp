// Sends one request to a running portier and waits for the answer. Any thread.
#pragma once

#include <string>

namespace portier::admin {

// Throws std::system_error: nobody answers there, or (root asks anybody) somebody who is neither this user
// nor root.
std::string ask(const std::string& path, const std::string& request);

}  // namespace portier::admin
