// bare_udp_echo: sends every datagram back, one system call each way, as an ordinary UDP server does: the reference for
// relayed and handed-off flows, and what stands behind the relays. One socket for each process (SO_REUSEPORT).
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "net/endpoint.hpp"

namespace {

using portier::Fd;
using portier::throw_errno;

Fd bind_to(const portier::net::Endpoint& endpoint) {
    Fd fd(::socket(endpoint.address.family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    const int queue = 4 << 20;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof queue) < 0)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &queue, sizeof queue);
    sockaddr_storage storage;
    const socklen_t length = portier::net::to_sockaddr(endpoint, storage);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) < 0) throw_errno("bind");
    return fd;
}

[[noreturn]] void echo(int socket) {
    static std::array<char, 65536> buffer;
    for (;;) {
        sockaddr_storage peer;
        socklen_t length = sizeof peer;
        auto* address = reinterpret_cast<sockaddr*>(&peer);
        const ssize_t size = ::recvfrom(socket, buffer.data(), buffer.size(), 0, address, &length);
        if (size >= 0) ::sendto(socket, buffer.data(), static_cast<std::size_t>(size), 0, address, length);
    }
}

pid_t serve_in_child(const Fd& socket, const sigset_t& inherited) {
    const pid_t pid = ::fork();
    if (pid < 0) throw_errno("fork");
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::sigprocmask(SIG_SETMASK, &inherited, nullptr);
    echo(socket.get());
}

void run(const portier::net::Endpoint& endpoint, unsigned processes) {
    sigset_t ending;
    sigset_t before;
    sigemptyset(&ending);
    for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&ending, signal);
    ::sigprocmask(SIG_BLOCK, &ending, &before);
    std::vector<Fd> sockets;
    while (sockets.size() < processes) sockets.push_back(bind_to(endpoint));
    std::vector<pid_t> children;
    for (const Fd& socket : sockets) children.push_back(serve_in_child(socket, before));
    sockets.clear();
    std::printf("bound %s\n", portier::net::to_string(endpoint).c_str());
    std::fflush(stdout);
    int signal = 0;
    ::sigwait(&ending, &signal);
    for (const pid_t pid : children) ::kill(pid, SIGKILL);
    for (const pid_t pid : children) ::waitpid(pid, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("bare_udp_echo: sends every datagram back", "bare_udp_echo");
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    unsigned processes = 1;
    app.add_option("--address", address)->capture_default_str();
    app.add_option("--port", port)->required();
    app.add_option("--processes", processes)->check(CLI::Range(1, 256))->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    const auto parsed = portier::net::parse_address(address);
    if (!parsed) return std::fprintf(stderr, "bare_udp_echo: not an address: %s\n", address.c_str()), 2;
    try {
        run({*parsed, port}, processes);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bare_udp_echo: %s\n", error.what());
        return 1;
    }
}
