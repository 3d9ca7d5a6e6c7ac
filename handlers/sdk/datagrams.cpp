#include "sdk/datagrams.hpp"

#include "base/error.hpp"

namespace portier::sdk {

namespace {

void ask_for_local_address(int socket) {
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) throw_errno("UDP socket");
    const int on = 1;
    const int result = family == AF_INET6 ? ::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on)
                                          : ::setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    if (result < 0) throw_errno("asking for the local address of datagrams");
}

// What the kernel told about the request's destination becomes the reply's source: the address, not the interface,
// because the way back is the routing table's business (but a link-local address means nothing without its link).
void turn_around(msghdr& header) {
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO)
            reinterpret_cast<in_pktinfo*>(CMSG_DATA(item))->ipi_ifindex = 0;
        if (item->cmsg_level != IPPROTO_IPV6 || item->cmsg_type != IPV6_PKTINFO) continue;
        auto* info = reinterpret_cast<in6_pktinfo*>(CMSG_DATA(item));
        if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) info->ipi6_ifindex = 0;
    }
}

}  // namespace

Datagrams::Datagrams(Fd socket)
    : socket_(std::move(socket)), buffer_(std::make_unique_for_overwrite<char[]>(kBatch * kMaxDatagram)) {
    ask_for_local_address(socket_.get());
}

std::size_t Datagrams::receive() {
    for (std::size_t i = 0; i < kBatch; ++i) {
        Request& request = requests_[i];
        request.part = {buffer_.get() + i * kMaxDatagram, kMaxDatagram};
        received_[i].msg_hdr = {
            &request.from, sizeof request.from, &request.part, 1, request.control.data(), request.control.size(), 0};
    }
    const int count = ::recvmmsg(socket_.get(), received_.data(), kBatch, MSG_DONTWAIT, nullptr);
    // An error here is a client's ICMP message or nothing to read: no reason to stop serving the others.
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

std::string_view Datagrams::request(std::size_t index) const {
    return {buffer_.get() + index * kMaxDatagram, received_[index].msg_len};
}

void Datagrams::prepare(std::size_t reply, std::size_t request, std::string_view text) {
    replies_[reply].text.assign(text);
    replies_[reply].part = {replies_[reply].text.data(), text.size()};
    msghdr& header = sent_[reply].msg_hdr;
    header = received_[request].msg_hdr;
    header.msg_iov = &replies_[reply].part;
    header.msg_flags = 0;
    turn_around(header);
}

void Datagrams::send(std::size_t count) {
    for (std::size_t done = 0; done < count;) {
        const int sent = ::sendmmsg(socket_.get(), sent_.data() + done, static_cast<unsigned>(count - done),
                                    MSG_DONTWAIT | MSG_NOSIGNAL);
        // The first of the rest failed: that reply is lost, as UDP allows, and the others still go out.
        done += sent < 0 ? 1 : static_cast<std::size_t>(sent);
    }
}

}  // namespace portier::sdk
