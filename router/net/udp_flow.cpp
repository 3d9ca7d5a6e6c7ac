#include "net/udp_flow.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/error.hpp"

namespace portier::net {

namespace {

bool is_link_local(const Address& address) {
    return address.family == 6 && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    SocketAddress(const Endpoint& endpoint, std::uint32_t interface) {
        length = to_sockaddr(endpoint, storage);
        if (is_link_local(endpoint.address)) reinterpret_cast<sockaddr_in6&>(storage).sin6_scope_id = interface;
    }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

}  // namespace

bool can_be_connected(const Endpoint& remote) {
    return remote.port != 0 && remote.address.bytes != decltype(Address::bytes){};
}

Fd bind_flow_socket(const Endpoint& local, std::uint32_t interface, std::error_code& error) {
    const int family = local.address.family == 4 ? AF_INET : AF_INET6;
    Fd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    const SocketAddress address(local, interface);
    if (fd && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        ::bind(fd.get(), address.get(), address.length) == 0)
        return fd;
    error = errno_code();
    return Fd();
}

std::error_code connect_flow_socket(int socket, const Endpoint& remote, std::uint32_t interface) {
    const SocketAddress address(remote, interface);
    return ::connect(socket, address.get(), address.length) < 0 ? errno_code() : std::error_code();
}

// The kernel looks the socket up as it would for a datagram from `idiag_src` to `idiag_dst`, then compares the cookie
// (udp_dump_one), and has answered before send(2) returns.
bool is_open_flow(std::uint64_t cookie, const FlowEndpoints& flow) {
    struct {
        nlmsghdr header;
        inet_diag_req_v2 request;
    } question{};
    question.header.nlmsg_len = sizeof question;
    question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question.header.nlmsg_flags = NLM_F_REQUEST;
    inet_diag_req_v2& request = question.request;
    request.sdiag_family = flow.local.address.family == 4 ? AF_INET : AF_INET6;
    request.sdiag_protocol = IPPROTO_UDP;
    request.idiag_states = ~0u;
    request.id.idiag_sport = htons(flow.remote.port);
    request.id.idiag_dport = htons(flow.local.port);
    std::memcpy(request.id.idiag_src, flow.remote.address.bytes.data(), sizeof request.id.idiag_src);
    std::memcpy(request.id.idiag_dst, flow.local.address.bytes.data(), sizeof request.id.idiag_dst);
    request.id.idiag_cookie[0] = static_cast<std::uint32_t>(cookie);
    request.id.idiag_cookie[1] = static_cast<std::uint32_t>(cookie >> 32);
    const Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
    if (!netlink || ::send(netlink.get(), &question, sizeof question, 0) < 0) return false;
    alignas(nlmsghdr) std::array<char, 8192> answer;
    const ssize_t size = ::recv(netlink.get(), answer.data(), answer.size(), 0);
    return size >= static_cast<ssize_t>(sizeof(nlmsghdr)) &&
           reinterpret_cast<const nlmsghdr*>(answer.data())->nlmsg_type == SOCK_DIAG_BY_FAMILY;
}

}  // namespace portier::net
