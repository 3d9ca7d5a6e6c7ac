#include "delivery/relay/backend_socket.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>

#include "base/error.hpp"
#include "net/socket.hpp"

namespace portier::delivery {

namespace {

// The kernel gives out the lowest free number, so a number tells how many are in use.
bool is_scarce(const Fd& fd) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<rlim_t>(fd.get()) >= limit.rlim_cur - limit.rlim_cur / 4;
}

std::error_code bind_to(const Fd& socket, const BackendSocketPlan& plan) {
    net::Address any{plan.backend.address.family, {}};
    const bool of_same_family = plan.source.family == any.family;
    sockaddr_storage own;
    const socklen_t length = net::to_sockaddr({of_same_family ? plan.source : any, plan.port}, own);
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), length) < 0 ? errno_code() : std::error_code();
}

}  // namespace

BackendSocket open_backend_socket(const BackendSocketPlan& plan) {
    const int family = plan.backend.address.family == 4 ? AF_INET : AF_INET6;
    BackendSocket result;
    Fd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return {errno_code(), {}, 0};
    if (is_scarce(socket)) return {errno_code(EMFILE), {}, 0};
    const bool anywhere = plan.port == 0 && plan.source == net::Address{};
    if (!anywhere)
        if (const auto error = bind_to(socket, plan)) return {error, {}, 0};
    sockaddr_storage backend;
    const socklen_t length = net::to_sockaddr(plan.backend, backend);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&backend), length) < 0) return {errno_code(), {}, 0};
    const net::Endpoint own = net::local_endpoint(socket.get());
    // The kernel may choose the very port of a backend that is not there: the flow would hear only itself.
    if (own == plan.backend) return {errno_code(ECONNREFUSED), {}, 0};
    return {{}, std::move(socket), own.port};
}

BackendSocketSend send_by_backend_socket(int socket, std::span<const std::byte> prefix,
                                         std::span<const std::byte> bytes) {
    std::array<iovec, 2> parts{iovec{const_cast<std::byte*>(prefix.data()), prefix.size()},
                               iovec{const_cast<std::byte*>(bytes.data()), bytes.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    BackendSocketSend result;
    for (int attempt = 0; attempt < 2 && !result.sent; ++attempt) {
        result.sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
        if (!result.sent) result.error = errno_code();
    }
    return result;
}

}  // namespace portier::delivery
