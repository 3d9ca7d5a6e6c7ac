#include "sdk/notify.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "sdk/environment.hpp"

namespace portier::sdk {

namespace {

std::error_code send_state(std::string_view lines, int flags) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (!path || !*path) return {};
    const std::size_t length = std::strlen(path);
    sockaddr_un address{};
    if (length >= sizeof address.sun_path) return errno_code(ENAMETOOLONG);
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = '\0';  // unix(7): the abstract namespace

    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return errno_code();
    const timeval patience{5, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    if (::sendto(socket.get(), lines.data(), lines.size(), flags | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size) < 0)
        return errno_code();
    return {};
}

}  // namespace

std::error_code notify_ready() {
    return send_state("READY=1", 0);
}

std::error_code notify(std::string_view lines) {
    return send_state(lines, MSG_DONTWAIT);
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto interval = number_from_environment<std::int64_t>("WATCHDOG_USEC");
    if (!interval || *interval <= 0) return std::nullopt;
    const char* meant_for = std::getenv("WATCHDOG_PID");
    if (meant_for && number_from_environment<pid_t>("WATCHDOG_PID") != ::getpid()) return std::nullopt;
    return std::chrono::microseconds(*interval);
}

}  // namespace portier::sdk
