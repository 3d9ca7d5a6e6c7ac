// What /proc says of a real child: descriptors, environment, identity. Also a program that does nothing but wait.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace portier::test {

// "/proc/PID/NAME" as a whole.
inline std::string proc_file(pid_t pid, const std::string& name) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The value behind "NAME:" in /proc/PID/status.
inline std::string status_field(pid_t pid, const std::string& name) {
    const std::string text = "\n" + proc_file(pid, "status");
    const std::size_t begin = text.find("\n" + name + ":\t");
    if (begin == std::string::npos) return "";
    const std::size_t value = begin + name.size() + 3;
    return text.substr(value, text.find('\n', value) - value);
}

// Number of each open descriptor, and what it leads to ("/dev/null", "pipe:[123]").
inline std::map<int, std::string> open_descriptors(pid_t pid) {
    std::map<int, std::string> result;
    std::error_code error;
    for (const auto& item : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error)) {
        const auto target = std::filesystem::read_symlink(item.path(), error);
        if (!error) result[std::stoi(item.path().filename())] = target.string();
    }
    return result;
}

inline std::map<std::string, std::string> environment_of(pid_t pid) {
    std::map<std::string, std::string> result;
    const std::string text = proc_file(pid, "environ");
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\0', begin), text.size());
        const std::string item = text.substr(begin, end - begin);
        result[item.substr(0, item.find('='))] = item.substr(item.find('=') + 1);
        begin = end + 1;
    }
    return result;
}

// What open_descriptors() shows for a descriptor of our own.
inline std::string target_of(int fd) {
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
}

}  // namespace portier::test
