#include "sources.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.hpp"

namespace portier::guests {
namespace {

constexpr std::uint32_t kFirst = 0x7f400001;  // 127.64.0.1

}  // namespace

std::error_code Sources::bind_next(int socket) {
    if (count_ <= 1) return {};
    // ip(7): with this option the port is chosen at connect(2), when the whole 4-tuple is known; without it every
    // bound port would be taken for all destinations.
    const int on = 1;
    if (::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0) return errno_code();
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(kFirst + next_ % count_);
    ++next_;
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) return errno_code();
    return {};
}

}  // namespace portier::guests
