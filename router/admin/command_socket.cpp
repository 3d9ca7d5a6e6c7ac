#include "admin/command_socket.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "admin/command_address.hpp"
#include "base/error.hpp"

namespace portier::admin {

namespace {

constexpr std::chrono::milliseconds kLockPause{10};
constexpr int kLockTries = 100;

void make_folder(const std::string& folder) {
    std::error_code ignored;  // what is wrong shows when the folder is used
    const auto above = std::filesystem::path(folder).parent_path();
    if (!above.empty()) std::filesystem::create_directories(above, ignored);
    ::mkdir(folder.c_str(), 0700);
}

// Two that start at the same time would each take the other's new socket for a dead one. The lock is the folder's own,
// so no file of it stays behind.
Fd lock_folder(const std::string& folder, const std::string& what) {
    Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return fd;  // it may be used without being readable
    for (int i = 0; ::flock(fd.get(), LOCK_EX | LOCK_NB) < 0; ++i) {
        if (errno != EWOULDBLOCK) return {};  // a file system without locks
        if (i == kLockTries) throw_errno(what + ": somebody holds the lock of its folder", EBUSY);
        std::this_thread::sleep_for(kLockPause);
    }
    return fd;
}

// A socket file that a killed portier left behind is replaced, one that answers is not.
Fd listen_at(const std::string& path, const std::string& what) {
    const sockaddr_un address = command_address(path);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(probe.get(), generic, sizeof address) == 0)
        throw_errno(what + ": another portier listens there", EADDRINUSE);
    // Whatever is no socket refuses, too: that is somebody's file.
    std::error_code ignored;
    if (errno == ECONNREFUSED && std::filesystem::is_socket(path, ignored)) ::unlink(path.c_str());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) throw_errno(what);
    const mode_t before = ::umask(0177);
    const int bound = ::bind(fd.get(), generic, sizeof address);
    const int error = errno;
    ::umask(before);
    if (bound < 0) throw_errno(what, error);
    if (::listen(fd.get(), 64) < 0) throw_errno(what);
    return fd;
}

}  // namespace

CommandSocket::CommandSocket(std::string path) : path_(std::move(path)) {
    const std::string what = "command socket " + path_;
    const std::string folder = folder_of(path_);
    command_address(path_);
    make_folder(folder);
    if (const std::string problem = folder_problem(path_); !problem.empty()) throw_errno(what + ": " + problem, EPERM);
    const Fd lock = lock_folder(folder, what);
    fd_ = listen_at(path_, what);
    struct stat status {};
    if (::lstat(path_.c_str(), &status) < 0) throw_errno(what);
    device_ = status.st_dev;
    inode_ = status.st_ino;
}

CommandSocket::~CommandSocket() {
    struct stat status {};
    const bool there = ::lstat(path_.c_str(), &status) == 0;
    if (there && status.st_dev == device_ && status.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace portier::admin
