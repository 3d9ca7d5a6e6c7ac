// errno as values and as exceptions. Start-up throws once with context (throw_errno), running code
// passes std::error_code (errno_code). Any thread.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace portier {

inline std::error_code errno_code(int error = errno) {
    return {error, std::generic_category()};
}

// `what` names the action and its object: "bind 127.0.0.1:80/tcp".
[[noreturn]] inline void throw_errno(const std::string& what, int error = errno) {
    throw std::system_error(errno_code(error), what);
}

}  // namespace portier
