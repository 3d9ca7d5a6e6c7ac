#include "script.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace portier::guests {

void Script::announce(std::string_view line) {
    if (!present_ || announced_) return;
    announced_ = true;
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

int Script::descriptor() const {
    return announced_ && !answered_ ? STDIN_FILENO : -1;
}

void Script::read() {
    char buffer[256];
    const ssize_t size = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    const std::string_view text(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
    answered_ = text.empty() || text.find('\n') != std::string_view::npos;
}

}  // namespace portier::guests
