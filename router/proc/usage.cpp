#include "proc/usage.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace portier::proc {

namespace {

// Since Linux 6.2 the size of /proc/PID/fd is the number of descriptors; before that they have to be counted.
std::uint64_t count_fds(const std::string& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) == 0 && status.st_size > 0) return static_cast<std::uint64_t>(status.st_size);
    std::error_code error;
    std::uint64_t count = 0;
    for (std::filesystem::directory_iterator item(folder, error), end; !error && item != end; item.increment(error))
        ++count;
    return count;
}

}  // namespace

std::optional<Usage> read_usage(pid_t pid) {
    const std::string folder = "/proc/" + std::to_string(pid);
    std::ifstream file(folder + "/stat");
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    // The second field is the name in brackets and may hold anything; the third begins behind the last bracket.
    const std::size_t bracket = line.rfind(')');
    if (bracket == std::string::npos) return std::nullopt;
    std::istringstream fields(line.substr(bracket + 2));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    std::uint64_t user = 0, system = 0, virtual_bytes = 0, resident_pages = 0;
    fields >> user >> system;
    for (int field = 16; field < 23; ++field) fields >> skipped;
    fields >> virtual_bytes >> resident_pages;
    file.close();  // not to be counted when the process is our own

    static const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return Usage{(user + system) * 1'000'000 / ticks, resident_pages * page, virtual_bytes, count_fds(folder + "/fd")};
}

std::vector<std::uint64_t> socket_inodes(pid_t pid) {
    std::vector<std::uint64_t> inodes;
    std::error_code error;
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    for (std::filesystem::directory_iterator item(folder, error), end; !error && item != end; item.increment(error)) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(item->path(), gone).string();
        if (target.starts_with("socket:[")) inodes.push_back(std::strtoull(target.c_str() + 8, nullptr, 10));
    }
    return inodes;
}

std::unordered_multimap<pid_t, pid_t> processes_by_session() {
    std::unordered_multimap<pid_t, pid_t> result;
    std::error_code error;
    for (std::filesystem::directory_iterator item("/proc", error), end; !error && item != end; item.increment(error)) {
        const pid_t pid = std::atoi(item->path().filename().c_str());
        const pid_t session = pid > 0 ? ::getsid(pid) : -1;
        if (session > 0) result.emplace(session, pid);
    }
    return result;
}

std::unordered_set<std::uint64_t> socket_inodes(const std::unordered_multimap<pid_t, pid_t>& processes, pid_t session) {
    std::unordered_set<std::uint64_t> result;
    for (auto [item, end] = processes.equal_range(session); item != end; ++item) {
        const auto inodes = socket_inodes(item->second);
        result.insert(inodes.begin(), inodes.end());
    }
    return result;
}

std::optional<Owner> find_socket_owner(std::uint64_t inode) {
    std::error_code error;
    for (std::filesystem::directory_iterator item("/proc", error), end; !error && item != end; item.increment(error)) {
        const pid_t pid = std::atoi(item->path().filename().c_str());
        if (pid <= 0) continue;
        const auto inodes = socket_inodes(pid);
        if (std::find(inodes.begin(), inodes.end(), inode) == inodes.end()) continue;
        std::string name;
        std::getline(std::ifstream(item->path() / "comm"), name);
        return Owner{pid, name};
    }
    return std::nullopt;
}

}  // namespace portier::proc
