#include "base/line_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cerrno>
#include <string>
#include <utility>

namespace portier {

namespace {

// A terminal that has room for one byte says that it can be written to, so only a non-blocking write is safe; opened
// once more, because the flag would be everybody's.
Fd open_again(int fd) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    return Fd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

LineWriter::LineWriter(int fd) : fd_(fd) {
    struct stat status {};
    if (::fstat(fd, &status) < 0) return;
    if (S_ISSOCK(status.st_mode)) kind_ = Kind::socket;
    if (S_ISFIFO(status.st_mode)) kind_ = Kind::pipe;
    if (S_ISCHR(status.st_mode)) own_ = open_again(fd);
}

// Another process may fill a pipe after we looked; kernels before 6.4 cannot be asked not to wait then.
ssize_t LineWriter::put(std::string_view bytes) const {
    if (kind_ == Kind::socket) return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (kind_ == Kind::pipe) {
        const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
        const ssize_t size = ::pwritev2(fd_, &piece, 1, -1, RWF_NOWAIT);
        if (size >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) return size;
    }
    return ::write(descriptor(), bytes.data(), bytes.size());
}

bool LineWriter::has_room() const {
    pollfd wanted{descriptor(), POLLOUT, 0};
    return ::poll(&wanted, 1, 0) == 1 && (wanted.revents & POLLOUT);
}

bool LineWriter::write(std::string_view line) {
    if (!has_room()) return false;
    std::string bytes = line_open_ ? "\n" : "";
    bytes += line;
    if (bytes.size() > max_line()) bytes.replace(max_line() - 1, std::string::npos, "\n");
    ssize_t size;
    do size = put(bytes);
    while (size < 0 && errno == EINTR);
    if (size <= 0) return false;
    line_open_ = bytes[static_cast<std::size_t>(size) - 1] != '\n';
    return true;
}

}  // namespace portier
