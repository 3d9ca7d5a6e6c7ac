// bare_echo: the reference ("direct") of every comparison: accept and echo in a bare epoll loop, with nothing between
// client and server. A connection is served with the system calls of handlers/echo, so that a difference in speed is
// the difference in how the connection got here: first read before epoll knows the socket, then epoll.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "net/endpoint.hpp"

namespace {

using portier::Fd;
using portier::throw_errno;

constexpr int kBacklog = 65535;  // the kernel lowers it to net.core.somaxconn

Fd listen_on(portier::net::Endpoint& endpoint) {
    sockaddr_storage address{};
    socklen_t size = portier::net::to_sockaddr(endpoint, address);
    Fd listener(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!listener) throw_errno("socket");
    const int on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) throw_errno("bind");
    if (::listen(listener.get(), kBacklog) != 0) throw_errno("listen");
    size = sizeof address;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    endpoint = portier::net::from_sockaddr(address);
    return listener;
}

class Echo {
public:
    // A listener shared with other processes wakes one of them for a connection, not all.
    explicit Echo(int listener) : listener_(listener), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (!epoll_) throw_errno("epoll_create1");
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN | EPOLLEXCLUSIVE);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 256> events;
        while (true) {
            const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
            for (int i = 0; i < count; ++i) {
                if (events[i].data.fd == listener_) {
                    accept_all();
                } else {
                    serve(events[i].data.fd);
                }
            }
        }
    }

private:
    void watch(int action, int fd, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        ::epoll_ctl(epoll_.get(), action, fd, &event);
    }

    void accept_all() {
        while (true) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            if (serve(fd)) watch(EPOLL_CTL_ADD, fd, unsent_.contains(fd) ? EPOLLOUT : EPOLLIN);
        }
    }

    // False: the connection is closed.
    bool serve(int fd) {
        if (!unsent_.empty() && unsent_.contains(fd)) return send_rest(fd);
        const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
        if (size > 0) return send(fd, {buffer_.data(), static_cast<std::size_t>(size)});
        return size < 0 && errno == EAGAIN ? true : close(fd);
    }

    bool send(int fd, std::string_view bytes) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent == static_cast<ssize_t>(bytes.size())) return true;
        if (sent < 0 && errno != EAGAIN) return close(fd);
        unsent_.emplace(fd, bytes.substr(sent < 0 ? 0 : static_cast<std::size_t>(sent)));
        watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
        return true;
    }

    bool send_rest(int fd) {
        const auto rest = unsent_.extract(fd);
        watch(EPOLL_CTL_MOD, fd, EPOLLIN);
        return send(fd, rest.mapped());
    }

    // No process but this one has the socket, so closing it also takes it out of epoll.
    bool close(int fd) {
        ::close(fd);
        return false;
    }

    int listener_;
    Fd epoll_;
    std::unordered_map<int, std::string> unsent_;
    std::array<char, 65536> buffer_;
};

pid_t serve_in_child(int listener, const sigset_t& inherited) {
    const pid_t pid = ::fork();
    if (pid < 0) throw_errno("fork");
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::sigprocmask(SIG_SETMASK, &inherited, nullptr);
    Echo(listener).run();
}

void raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void run(portier::net::Endpoint endpoint, unsigned processes, bool shared) {
    raise_descriptor_limit();
    std::vector<Fd> listeners;
    while (listeners.size() < (shared ? 1 : processes)) listeners.push_back(listen_on(endpoint));
    sigset_t ending;
    sigset_t before;
    sigemptyset(&ending);
    for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&ending, signal);
    ::sigprocmask(SIG_BLOCK, &ending, &before);
    std::vector<pid_t> children;
    for (unsigned i = 0; i < processes; ++i)
        children.push_back(serve_in_child(listeners[i % listeners.size()].get(), before));
    listeners.clear();
    std::printf("listening %s\n", portier::net::to_string(endpoint).c_str());
    std::fflush(stdout);
    int signal = 0;
    ::sigwait(&ending, &signal);
    for (const pid_t pid : children) ::kill(pid, SIGKILL);
    for (const pid_t pid : children) ::waitpid(pid, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("bare_echo: accept and echo in a bare epoll loop", "bare_echo");
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    unsigned processes = 1;
    bool shared = false;
    app.add_option("--address", address)->capture_default_str();
    app.add_option("--port", port, "0: a free one; the line 'listening ADDRESS:PORT' says which")
        ->capture_default_str();
    app.add_option("--processes", processes)->check(CLI::Range(1, 256))->capture_default_str();
    app.add_flag("--shared-listener", shared,
                 "one listening socket for all processes instead of one each (SO_REUSEPORT)");
    CLI11_PARSE(app, argc, argv);
    const auto parsed = portier::net::parse_address(address);
    if (!parsed) return std::fprintf(stderr, "bare_echo: not an address: %s\n", address.c_str()), 2;
    try {
        run({*parsed, port}, processes, shared);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bare_echo: %s\n", error.what());
        return 1;
    }
}
