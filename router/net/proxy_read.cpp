#include "net/proxy_read.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace portier::net {

namespace {

using State = ProxyRead::State;

ssize_t receive(int socket, std::span<std::byte> buffer, int flags) {
    ssize_t size;
    do {
        size = ::recv(socket, buffer.data(), buffer.size(), flags | MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    return size;
}

}  // namespace

ProxyRead read_proxy_header(int socket) {
    std::array<std::byte, kMaxProxyV2> buffer;
    const ssize_t seen = receive(socket, buffer, MSG_PEEK);
    if (seen < 0) return {errno == EAGAIN ? State::waiting : State::ended};
    if (seen == 0) return {State::ended};
    const ProxyHeader header = parse_proxy(std::span(buffer).first(static_cast<std::size_t>(seen)));
    switch (header.state) {
        case ProxyHeader::State::incomplete: return {State::waiting};
        case ProxyHeader::State::malformed: return {.state = State::malformed, .reason = header.reason};
        case ProxyHeader::State::complete: break;
    }
    const ssize_t taken = receive(socket, std::span(buffer).first(header.size), 0);
    if (taken != static_cast<ssize_t>(header.size)) return {State::ended};  // a reset came in between
    return {State::done, static_cast<std::uint16_t>(header.size), header.addresses};
}

}  // namespace portier::net
