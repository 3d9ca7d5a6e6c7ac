#include "admin/command_client.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include "admin/command_address.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"

namespace portier::admin {

namespace {

// A command must not go to, nor an answer come from, whoever was quicker to make a socket there. Root's own default is
// safe, and root may ask anybody whose socket it names.
bool is_careful() {
    return ::geteuid() != 0;
}

void check_peer(int fd, const std::string& path) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) throw_errno("who listens at " + path);
    if (peer.uid != 0 && peer.uid != ::geteuid())
        throw_errno("user " + std::to_string(peer.uid) + " listens at " + path + ", neither you nor root", EPERM);
}

// Who cannot be asked, and what to do about it.
[[noreturn]] void explain(int error, const std::string& path) {
    const std::string nobody = "no portier answers at " + path;
    const std::string other = "; of another one say --socket PATH";
    if (error == ENOENT) throw_errno(nobody + ", there is no socket; start it with portier run FILE" + other, error);
    if (error == ECONNREFUSED)
        throw_errno(nobody + ", it ended and left its socket; start it with portier run FILE" + other, error);
    if (error == EACCES)
        throw_errno("you may not ask the portier at " + path + "; only root and the user that started it may", error);
    throw_errno(nobody, error);
}

}  // namespace

std::string ask(const std::string& path, const std::string& request) {
    const sockaddr_un address = command_address(path);
    if (const std::string problem = folder_problem(path); is_careful() && !problem.empty())
        throw_errno("command socket " + path + ": " + problem, EPERM);
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) throw_errno("socket");
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) explain(errno, path);
    if (is_careful()) check_peer(fd.get(), path);
    const std::string line = request + "\n";
    if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
        throw_errno("ask portier at " + path);
    std::string answer;
    char buffer[65536];
    for (;;) {
        const ssize_t size = ::recv(fd.get(), buffer, sizeof buffer, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) throw_errno("read from portier at " + path);
        if (size == 0) break;
        answer.append(buffer, static_cast<std::size_t>(size));
    }
    if (answer.empty()) throw_errno("portier at " + path + " ended before it answered", ECONNRESET);
    return answer;
}

}  // namespace portier::admin
