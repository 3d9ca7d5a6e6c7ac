#include "config/read_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
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

}  // namespace

Parsed<std::string> read_file(const std::string& path, uid_t reader) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) return failed("open");
    struct stat before {};
    if (::fstat(fd.get(), &before) != 0) return failed("look at");
    if (S_ISDIR(before.st_mode)) return failed("read", EISDIR);
    if (reader == 0 && S_ISREG(before.st_mode) && (before.st_mode & S_IWOTH) != 0) {
        return {{},
                fmt::format("everybody may write to the file (mode {:04o}), and portier runs as root",
                            before.st_mode & 07777),
                "chmod o-w it"};
    }
    std::string text(kMaxFileBytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("read");
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > kMaxFileBytes) return {{}, fmt::format("the file is larger than {} bytes", kMaxFileBytes)};
    struct stat after {};
    if (::fstat(fd.get(), &after) != 0) return failed("look at");
    if (!same_content(before, after)) return {{}, "the file changed while it was read", "try again"};
    text.resize(size);
    return {std::move(text)};
}

}  // namespace portier::config
