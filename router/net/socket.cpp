#include "net/socket.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"

namespace portier::net {

namespace {

// With more than a minute the kernel keeps our side of a connection that the handler closed as a full socket until the
// client's FIN has come (for 90 s - 60 s = 30 s), so the destroy event has the exact byte counts and tells who closed
// first; the remaining 30 s are an ordinary FIN_WAIT2, one minute in all as by default (tcp_fin_time,
// tcp_rcv_state_process).
constexpr int kFinWaitSeconds = 90;

void set_option(int fd, int level, int option, int value, const std::string& what) {
    if (::setsockopt(fd, level, option, &value, sizeof value) < 0) throw_errno(what);
}

int seconds(std::chrono::milliseconds value) {
    return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(value).count());
}

Fd open_socket(int family, int type, const std::string& what) {
    Fd fd(::socket(family, type | SOCK_CLOEXEC, 0));
    if (!fd) throw_errno("socket for " + what);
    return fd;
}

bool kernel_has_ipv6() {
    static const bool result = bool(Fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
    return result;
}

Endpoint bind_endpoint(const Place& place) {
    if (place.address) return {*place.address, place.port};
    Address any;
    any.family = kernel_has_ipv6() ? 6 : 4;
    return {any, place.port};
}

int socket_option(int fd, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    ::getsockopt(fd, SOL_SOCKET, option, &value, &size);
    return value;
}

struct Binding {
    int type;
    bool reuse_address;
    bool reuse_port;
    int owner_of = -1;  // a socket that has the owner that this one shall have
};

void copy_owner(int from, int to, const std::string& what) {
    struct stat owner {};
    if (::fstat(from, &owner) < 0) throw_errno(what);
    if (owner.st_uid == ::geteuid()) return;
    if (const auto error = give_socket(to, owner.st_uid)) throw_errno(what, error.value());
}

Fd open_bound(const Place& place, const Binding& binding) {
    const Endpoint endpoint = bind_endpoint(place);
    const std::string what = "bind " + to_string(place) + (binding.type == SOCK_STREAM ? "/tcp" : "/udp");
    const int family = endpoint.address.family == 4 ? AF_INET : AF_INET6;
    Fd fd = open_socket(family, binding.type, what);
    if (family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, place.address ? 1 : 0, what);
    if (binding.reuse_address) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, what);
    if (binding.reuse_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, what);
    if (binding.owner_of >= 0) copy_owner(binding.owner_of, fd.get(), what);
    sockaddr_storage storage;
    const socklen_t length = to_sockaddr(endpoint, storage);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) < 0) throw_errno(what);
    return fd;
}

}  // namespace

std::string to_string(const Place& place) {
    return place.address ? to_string(Endpoint{*place.address, place.port}) : "*:" + std::to_string(place.port);
}

void tune_tcp_listener(int listener, const TcpTuning& tuning, unsigned backlog) {
    const std::string what = "set TCP options of a listener";
    set_option(listener, IPPROTO_TCP, TCP_LINGER2, kFinWaitSeconds, what);
    set_option(listener, IPPROTO_TCP, TCP_NODELAY, tuning.nodelay, what);
    set_option(listener, SOL_SOCKET, SO_KEEPALIVE, tuning.keepalive.has_value(), what);
    if (tuning.keepalive) set_option(listener, IPPROTO_TCP, TCP_KEEPIDLE, seconds(*tuning.keepalive), what);
    const auto user_timeout = tuning.user_timeout.value_or(std::chrono::milliseconds(0));
    set_option(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(user_timeout.count()), what);
    const auto defer = tuning.defer_accept.value_or(std::chrono::milliseconds(0));
    set_option(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds(defer), what);
    set_option(listener, IPPROTO_TCP, TCP_FASTOPEN, static_cast<int>(tuning.fast_open), what);
    // listen(2) again on a listening socket only changes its backlog.
    if (::listen(listener, static_cast<int>(backlog)) < 0) throw_errno("listen");
}

Fd open_tcp_listener(const Place& place, const TcpTuning& tuning, unsigned backlog) {
    Fd fd = open_bound(place, {.type = SOCK_STREAM, .reuse_address = true, .reuse_port = false});
    try {
        tune_tcp_listener(fd.get(), tuning, backlog);
    } catch (const std::system_error& error) {
        throw_errno("listen on " + to_string(place) + "/tcp", error.code().value());
    }
    return fd;
}

Fd open_udp_socket(const Place& place, bool first, int beside) {
    if (first) open_bound(place, {.type = SOCK_DGRAM, .reuse_address = false, .reuse_port = false});
    return open_bound(place, {.type = SOCK_DGRAM, .reuse_address = false, .reuse_port = true, .owner_of = beside});
}

std::error_code give_socket(int fd, uid_t user) {
    return ::fchown(fd, user, static_cast<gid_t>(-1)) < 0 ? errno_code() : std::error_code();
}

std::optional<std::error_code> repair_socket(int fd, unsigned backlog) {
    const int type = socket_option(fd, SO_TYPE);
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const bool connected = ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
    const bool listens = type != SOCK_STREAM || socket_option(fd, SO_ACCEPTCONN);
    if (listens && !connected) return std::nullopt;
    // Dissolves an association (connect(2)); the binding stays, because it was asked for.
    sockaddr nobody{};
    nobody.sa_family = AF_UNSPEC;
    if (::connect(fd, &nobody, sizeof nobody) < 0) return errno_code();
    if (type == SOCK_STREAM && ::listen(fd, static_cast<int>(backlog)) < 0) return errno_code();
    return std::error_code();
}

std::uint64_t socket_inode(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) < 0) throw_errno("fstat of a socket");
    return status.st_ino;
}

std::uint64_t socket_cookie(int fd) {
    std::uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length);
    return cookie;
}

Endpoint local_endpoint(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) < 0) throw_errno("getsockname");
    return from_sockaddr(storage);
}

int socket_family(int fd) {
    int family = AF_UNSPEC;
    socklen_t length = sizeof family;
    ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length);
    return family;
}

void reset_on_close(int fd) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void stop_lingering(int fd) {
    const linger off{0, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
}

void close_at_once(Fd socket) {
    stop_lingering(socket.get());
}

std::size_t accept_queue_length(int listener) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_unacked : 0;
}

}  // namespace portier::net
