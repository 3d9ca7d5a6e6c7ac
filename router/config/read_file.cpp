#include "config/read_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "config/source.hpp"

namespace portier::config {

namespace {

Parsed<std::string> failed(const std::string& action, int error = errno) {
    return {{}, fmt::format("cannot {} the file: {}", action, errno_code(error).message())};
}

bool same_content(const struct stat& a, const struct stat& b) {
    return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

const char* name_of(mode_t mode) {
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

// A pipe that this process or its shell has opened; a FIFO that lies in a folder may never get a writer.
bool is_open_pipe(const std::string& path, mode_t mode) {
    return S_ISFIFO(mode) &&
           (path == "/dev/stdin" || path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/"));
}

bool becomes_readable(int fd) {
    constexpr int kPatience = 5000;
    pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&waited, 1, kPatience) > 0;
}

// Up to one byte more than a file may have.
Parsed<std::string> read_all(int fd) {
    std::string text(kMaxFileBytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) {
            if (!becomes_readable(fd)) return {{}, "nothing came through the pipe for 5 s"};
            continue;
        }
        if (got < 0) return failed("read");
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return {std::move(text)};
}

}  // namespace

Parsed<std::string> read_file(const std::string& path, uid_t reader, Pipes pipes) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd) return failed("open");
    struct stat before {};
    if (::fstat(fd.get(), &before) != 0) return failed("look at");
    if (S_ISDIR(before.st_mode)) return failed("read", EISDIR);
    const bool pipe = pipes == Pipes::read && is_open_pipe(path, before.st_mode);
    if (!pipe && !S_ISREG(before.st_mode)) return {{}, fmt::format("this is {}, not a file", name_of(before.st_mode))};
    if (reader == 0 && !pipe && (before.st_mode & S_IWOTH) != 0) {
        return {{},
                fmt::format("everybody may write to the file (mode {:04o}), and portier runs as root",
                            before.st_mode & 07777),
                "chmod o-w it"};
    }
    Parsed<std::string> text = read_all(fd.get());
    if (text.value && text.value->size() > kMaxFileBytes)
        return {{}, fmt::format("the file is larger than {} bytes", kMaxFileBytes)};
    struct stat after {};
    if (::fstat(fd.get(), &after) != 0) return failed("look at");
    if (!pipe && !same_content(before, after)) return {{}, "the file changed while it was read", "try again"};
    return text;
}

}  // namespace portier::config
