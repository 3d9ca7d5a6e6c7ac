#include "net/sock_diag.hpp"

#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.hpp"

namespace portier::net {

namespace {

// include/net/tcp_states.h; <netinet/tcp.h> has them too but clashes with <linux/tcp.h>.
enum TcpState {
    kEstablished = 1,
    kFinWait1 = 4,
    kFinWait2 = 5,
    kCloseWait = 8,
    kLastAck = 9,
    kListen = 10,
    kClosing = 11
};
constexpr std::uint8_t kTimeWaitTimer = 3;  // idiag_timer of the small sockets that TIME_WAIT leaves behind

constexpr unsigned bit(int state) {
    return 1u << state;
}

Endpoint endpoint(std::uint8_t family, const __be32 (&address)[4], __be16 port) {
    sockaddr_storage storage{};
    if (family == AF_INET) {
        sockaddr_in four{};
        four.sin_family = AF_INET;
        four.sin_port = port;
        std::memcpy(&four.sin_addr, address, 4);
        std::memcpy(&storage, &four, sizeof four);
    } else {
        sockaddr_in6 six{};
        six.sin6_family = AF_INET6;
        six.sin6_port = port;
        std::memcpy(&six.sin6_addr, address, 16);
        std::memcpy(&storage, &six, sizeof six);
    }
    return from_sockaddr(storage);
}

void read_tcp_info(const nlattr* attribute, SocketReport& report) {
    tcp_info info{};
    std::memcpy(&info, mnl_attr_get_payload(attribute),
                std::min<std::size_t>(sizeof info, mnl_attr_get_payload_len(attribute)));
    const std::uint64_t sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
    report.has_info = true;
    report.fin_acknowledged = info.tcpi_bytes_acked > sent;
    report.timed_out = info.tcpi_retransmits > 0 || info.tcpi_probes > 0;
    report.received = info.tcpi_bytes_received;
    report.sent = std::min<std::uint64_t>(info.tcpi_bytes_acked, sent);
    report.since_last_ack_ms = info.tcpi_last_ack_recv;
    report.segments_in = info.tcpi_segs_in;
}

std::uint32_t read_drops(const nlattr* attribute) {
    std::uint32_t values[SK_MEMINFO_VARS]{};
    std::memcpy(values, mnl_attr_get_payload(attribute),
                std::min<std::size_t>(sizeof values, mnl_attr_get_payload_len(attribute)));
    return values[SK_MEMINFO_DROPS];
}

SocketReport read_report(const nlmsghdr* header) {
    const auto* message = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(header));
    SocketReport report;
    report.cookie = static_cast<std::uint64_t>(message->id.idiag_cookie[1]) << 32 | message->id.idiag_cookie[0];
    report.local = endpoint(message->idiag_family, message->id.idiag_src, message->id.idiag_sport);
    report.remote = endpoint(message->idiag_family, message->id.idiag_dst, message->id.idiag_dport);
    report.inode = message->idiag_inode;
    report.listening = message->idiag_state == kListen;
    report.closing = bit(message->idiag_state) & (bit(kFinWait1) | bit(kFinWait2) | bit(kLastAck) | bit(kClosing));
    if (report.listening) {
        report.accept_queue = message->idiag_rqueue;
        report.accept_queue_limit = message->idiag_wqueue;
    }
    report.unread = message->idiag_rqueue;
    // mnl_attr_for_each is C only: it assigns a void pointer.
    const char* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(header));
    auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(header, sizeof *message));
    for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
         attribute = mnl_attr_next(attribute)) {
        if (mnl_attr_get_type(attribute) == INET_DIAG_INFO) read_tcp_info(attribute, report);
        if (mnl_attr_get_type(attribute) == INET_DIAG_SKMEMINFO) report.drops = read_drops(attribute);
        if (mnl_attr_get_type(attribute) == INET_DIAG_PROTOCOL)
            report.datagrams = mnl_attr_get_u8(attribute) == IPPROTO_UDP;
    }
    return report;
}

Fd open_netlink(int flags) {
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_SOCK_DIAG));
    if (!fd) throw_errno("netlink sock_diag socket");
    return fd;
}

constexpr std::size_t kMaxAsked = 4;

struct DumpRequest {
    std::uint8_t family;
    DumpWhat what;
    PortInterval interval;
};

// inet_diag's little byte code: go on while the local port is >= first, then <= last, else jump past the end (reject).
std::array<inet_diag_bc_op, 4> port_bytecode(PortInterval interval) {
    constexpr unsigned char kTwo = 2 * sizeof(inet_diag_bc_op);
    constexpr unsigned short kAll = 4 * sizeof(inet_diag_bc_op);
    return {inet_diag_bc_op{INET_DIAG_BC_S_GE, kTwo, kAll + 4}, inet_diag_bc_op{INET_DIAG_BC_NOP, 4, interval.first},
            inet_diag_bc_op{INET_DIAG_BC_S_LE, kTwo, kTwo + 4}, inet_diag_bc_op{INET_DIAG_BC_NOP, 4, interval.last}};
}

unsigned states_of(DumpWhat what) {
    switch (what) {
        case DumpWhat::listeners: return bit(kListen);
        case DumpWhat::udp_sockets: return ~0u;
        case DumpWhat::connections: break;
    }
    return bit(kEstablished) | bit(kCloseWait) | bit(kFinWait1) | bit(kFinWait2) | bit(kLastAck) | bit(kClosing);
}

std::error_code request_dump(int netlink, const DumpRequest& wanted) {
    std::array<char, 256> buffer{};
    nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    auto* request = static_cast<inet_diag_req_v2*>(mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
    request->sdiag_family = wanted.family;
    request->sdiag_protocol = wanted.what == DumpWhat::udp_sockets ? IPPROTO_UDP : IPPROTO_TCP;
    request->idiag_states = states_of(wanted.what);
    if (wanted.what == DumpWhat::udp_sockets) request->idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
    const auto bytecode = port_bytecode(wanted.interval);
    mnl_attr_put(header, INET_DIAG_REQ_BYTECODE, sizeof bytecode, bytecode.data());
    return ::send(netlink, header, header->nlmsg_len, 0) < 0 ? errno_code() : std::error_code{};
}

struct DumpVisit {
    std::span<const PortInterval> intervals;
    const std::function<void(const SocketReport&)>& visit;
    std::error_code error;
    bool done = false;
};

void visit_dump_message(const nlmsghdr* header, DumpVisit& state) {
    if (header->nlmsg_type == NLMSG_DONE) {
        state.done = true;
    } else if (header->nlmsg_type == NLMSG_ERROR) {
        state.error = errno_code(-static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error);
        state.done = true;
    } else if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY) {
        const auto* message = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(header));
        if (message->idiag_timer == kTimeWaitTimer) return;
        const SocketReport report = read_report(header);
        if (contains(state.intervals, report.local.port)) state.visit(report);
    }
}

std::error_code read_dump(int netlink, DumpVisit& state) {
    alignas(nlmsghdr) std::array<char, 65536> buffer;
    while (!state.done) {
        const ssize_t size = ::recv(netlink, buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno_code();
        int rest = static_cast<int>(size);
        for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(header, rest);
             header = mnl_nlmsg_next(header, &rest))
            visit_dump_message(header, state);
    }
    return state.error;
}

// Two instructions and a verdict an interval; a classic BPF program holds 4,096. With optmem_max at 20,480 some 200
// fit.
constexpr std::array<std::size_t, 5> kFilterIntervals{1000, 500, 180, 60, 1};
constexpr unsigned kLocalPortOffset = sizeof(nlmsghdr) + offsetof(inet_diag_msg, id.idiag_sport);

std::vector<sock_filter> port_filter(std::span<const PortInterval> intervals) {
    constexpr unsigned kKeep = 0xffffffff;
    std::vector<sock_filter> program;
    program.push_back(BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kLocalPortOffset));
    for (const PortInterval& interval : intervals) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, interval.first, 0, 2));
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, interval.last, 1, 0));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, kKeep));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
    return program;
}

}  // namespace

Fd open_destroy_events(int receive_buffer) {
    Fd fd = open_netlink(SOCK_NONBLOCK);
    // SO_RCVBUFFORCE needs CAP_NET_ADMIN; without it the kernel caps at net.core.rmem_max.
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) throw_errno("bind netlink");
    return fd;
}

std::error_code join_destroy_events(int netlink, DestroyGroup group) {
    constexpr std::array kNumbers{SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY, SKNLGRP_INET_UDP_DESTROY,
                                  SKNLGRP_INET6_UDP_DESTROY};
    const int number = kNumbers[static_cast<std::size_t>(group)];
    if (::setsockopt(netlink, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &number, sizeof number) < 0) return errno_code();
    return {};
}

std::error_code filter_destroy_events(int netlink, std::span<const PortInterval> intervals) {
    for (const std::size_t limit : kFilterIntervals) {
        std::vector<sock_filter> program = port_filter(coarsen_intervals(intervals, limit));
        const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
        if (::setsockopt(netlink, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0) return {};
        if (errno != ENOMEM) return errno_code();
        // The filter before this one knows nothing of new ports, and takes up the room.
        const int ignored = 0;
        if (::setsockopt(netlink, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored) < 0 && errno != ENOENT)
            return errno_code();
    }
    return {};
}

std::error_code read_destroy_events(int netlink, unsigned budget,
                                    const std::function<void(const SocketReport&)>& visit) {
    alignas(nlmsghdr) std::array<char, 8192> buffer;
    for (unsigned count = 0; count < budget; ++count) {
        const ssize_t size = ::recv(netlink, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno_code();
        int rest = static_cast<int>(size);
        const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());
        if (mnl_nlmsg_ok(header, rest) && header->nlmsg_type == SOCK_DIAG_BY_FAMILY) visit(read_report(header));
    }
    return {};
}

std::error_code dump_sockets(DumpWhat what, std::span<const PortInterval> intervals,
                             const std::function<void(const SocketReport&)>& visit) {
    Fd netlink;
    try {
        netlink = open_netlink(0);
    } catch (const std::system_error& error) {
        return error.code();
    }
    // Each one asked for is a walk through all sockets of the host.
    const auto asked = coarsen_intervals(intervals, intervals.size() > kMaxAsked ? 1 : kMaxAsked);
    for (const int family : {AF_INET, AF_INET6}) {
        for (const PortInterval& interval : asked) {
            DumpVisit state{intervals, visit, {}};
            if (const auto error = request_dump(netlink.get(), {static_cast<std::uint8_t>(family), what, interval}))
                return error;
            if (const auto error = read_dump(netlink.get(), state)) return error;
        }
    }
    return {};
}

}  // namespace portier::net
