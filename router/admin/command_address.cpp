#include "admin/command_address.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

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

std::string folder_of(const std::string& path) {
    const std::string folder = std::filesystem::path(path).parent_path();
    return folder.empty() ? "." : folder;
}

// In a sticky folder like /tmp others may add files, but not replace ours.
std::string folder_problem(const std::string& path) {
    const std::string folder = folder_of(path);
    struct stat status {};
    if (::stat(folder.c_str(), &status) < 0) return "";
    if (status.st_uid != 0 && status.st_uid != ::geteuid())
        return "its folder " + folder + " belongs to user " + std::to_string(status.st_uid);
    const bool foreign_group = status.st_gid != 0 && status.st_gid != ::getegid();
    const bool others_write = (status.st_mode & S_IWOTH) || (foreign_group && (status.st_mode & S_IWGRP));
    return others_write && !(status.st_mode & S_ISVTX) ? "others may write into its folder " + folder : "";
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
