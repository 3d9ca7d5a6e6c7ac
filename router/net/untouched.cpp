#include "net/untouched.hpp"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <optional>

namespace portier::net {

namespace {

// include/net/tcp_states.h; <netinet/tcp.h> has them too but clashes with <linux/tcp.h>.
constexpr int kEstablished = 1;
constexpr int kCloseWait = 8;

struct Use {
    int state = 0;
    std::uint64_t consumed = 0;
    bool written = false;
};

int unread_bytes(int socket) {
    int unread = 0;
    ::ioctl(socket, SIOCINQ, &unread);
    return unread;
}

// nullopt: not a TCP connection.
std::optional<Use> use_of(int socket) {
    tcp_info info{};
    int unread = unread_bytes(socket);
    for (int tries = 0; tries < 10; ++tries) {  // bytes may come between the two questions
        socklen_t size = sizeof info;
        if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return std::nullopt;
        const int now = unread_bytes(socket);
        if (now == unread) break;
        unread = now;
    }
    // The client's FIN counts as a byte received, and not as one to read.
    const unsigned fin = info.tcpi_state == kCloseWait ? 1 : 0;
    return Use{.state = info.tcpi_state,
               .consumed = info.tcpi_bytes_received - fin - static_cast<unsigned>(unread),
               .written = info.tcpi_bytes_sent > 0 || info.tcpi_notsent_bytes > 0};
}

}  // namespace

std::uint64_t consumed_bytes(int socket) {
    const auto use = use_of(socket);
    return use ? use->consumed : 0;
}

bool is_untouched(int socket, std::uint64_t consumed_before) {
    const auto use = use_of(socket);
    if (!use) return true;
    const bool is_open = use->state == kEstablished || use->state == kCloseWait;
    return is_open && use->consumed == consumed_before && !use->written;
}

}  // namespace portier::net
