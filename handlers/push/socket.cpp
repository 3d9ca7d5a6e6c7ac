#include "push/socket.hpp"

#include <sys/socket.h>

namespace push {

Socket to_socket(boost::asio::io_context& io, portier::Fd fd) {
    using boost::asio::ip::tcp;
    Socket socket(io);
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) return socket;
    boost::system::error_code error;
    socket.assign(family == AF_INET6 ? tcp::v6() : tcp::v4(), fd.get(), error);
    if (!error) fd.release();
    return socket;
}

void close(Socket& socket) {
    boost::system::error_code not_open;
    const portier::Fd fd(socket.release(not_open));
}

}  // namespace push
