#include "admin/command_address.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/error.hpp"

namespace portier::admin {

std::string command_path(const std::string& option, const std::string& configured) {
    if (!option.empty()) return option;
    if (const char* variable = std::getenv("PORTIER_SOCKET"); variable && *variable) return variable;
    if (!configured.empty()) return configured;
    if (::geteuid() == 0) return "/run/portier/portier.sock";
    if (const char* folder = std::getenv("XDG_RUNTIME_DIR"); folder && *folder)
        return std::string(folder) + "/portier.sock";
    return "/tmp/portier-" + std::to_string(::geteuid()) + "/portier.sock";
}

sockaddr_un command_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw_errno("command socket " + path + " (107 bytes at most)", ENAMETOOLONG);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

}  // namespace portier::admin
