// A client of the command socket or the admin page on the test's own thread: it never waits itself, so the server runs
// between its steps.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>

#include "admin/command_address.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"

namespace portier::admin {

class Client {
public:
    explicit Client(Fd socket) : socket_(std::move(socket)) {}

    // To a command socket.
    explicit Client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const sockaddr_un address = command_address(path);
        if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
            throw_errno(path);
    }

    // As much as the kernel takes now.
    void send(const std::string& bytes) const {
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }

    // Nothing more will be sent.
    void finish() const { ::shutdown(socket_.get(), SHUT_WR); }

    // Everything that has come so far.
    const std::string& received() {
        char buffer[65536];
        for (;;) {
            const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
            if (size < 0 && errno == EAGAIN) break;
            if (size <= 0) closed_ = true;
            if (size <= 0) break;
            received_.append(buffer, static_cast<std::size_t>(size));
        }
        return received_;
    }
    bool has(const std::string& words) { return received().find(words) != std::string::npos; }
    // Without reading anything: the other side has closed.
    bool is_hung_up() const {
        pollfd socket{socket_.get(), 0, 0};
        return ::poll(&socket, 1, 0) == 1 && (socket.revents & POLLHUP) != 0;
    }
    bool is_closed() {
        received();
        return closed_;
    }

private:
    Fd socket_;
    std::string received_;
    bool closed_ = false;
};

}  // namespace portier::admin
