#include "sdk/listen.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "base/error.hpp"
#include "sdk/environment.hpp"

namespace portier::sdk {

namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == text.npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string> names_for(unsigned count) {
    const char* text = std::getenv("LISTEN_FDNAMES");
    if (!text) return std::vector<std::string>(count, "unknown");
    auto names = split(text, ':');
    if (names.size() != count)
        throw std::runtime_error("LISTEN_FDNAMES has " + std::to_string(names.size()) + " names for " +
                                 std::to_string(count) + " descriptors");
    return names;
}

Inherited take_over(int fd, std::string name) {
    const std::string what = "inherited descriptor " + std::to_string(fd);
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) throw_errno(what);
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) throw_errno(what);
    return {Fd(fd), std::move(name), type == SOCK_DGRAM};
}

}  // namespace

std::vector<Inherited> inherited_sockets() {
    std::vector<Inherited> sockets;
    // A parent's variables may have leaked down to us: only LISTEN_PID makes them ours.
    if (number_from_environment<pid_t>("LISTEN_PID") == ::getpid()) {
        const auto count = number_from_environment<unsigned>("LISTEN_FDS");
        if (!count) throw std::runtime_error("LISTEN_FDS is not a number");
        auto names = names_for(*count);
        for (unsigned i = 0; i < *count; ++i)
            sockets.push_back(take_over(kFirst + static_cast<int>(i), std::move(names[i])));
    }
    for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"}) ::unsetenv(variable);
    return sockets;
}

}  // namespace portier::sdk
