#include "net/untouched.hpp"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdint>

namespace portier::net {

namespace {

// include/net/tcp_states.h; netinet/tcp.h has them, but not the long tcp_info.
constexpr int kEstablished = 1;
constexpr int kCloseWait = 8;

}  // namespace

bool is_untouched(int socket, std::size_t taken) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return true;
    const bool client_has_finished = info.tcpi_state == kCloseWait;
    if (info.tcpi_state != kEstablished && !client_has_finished) return false;
    int unread = 0;
    if (::ioctl(socket, SIOCINQ, &unread) < 0) return false;
    // The client's FIN counts as a byte received, and not as one to read.
    const std::uint64_t received = info.tcpi_bytes_received - (client_has_finished ? 1 : 0);
    return received == static_cast<std::uint64_t>(unread) + taken && info.tcpi_bytes_sent == 0 &&
           info.tcpi_notsent_bytes == 0;
}

}  // namespace portier::net
