// Sockets that were handed to us, as Asio objects, and how they end. Io thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/fd.hpp"

namespace push {

using Socket = boost::asio::ip::tcp::socket;

// An unusable descriptor gives a socket that is not open.
Socket to_socket(boost::asio::io_context& io, portier::Fd fd);

// Asio's own close() leaves the descriptor in epoll and trusts close(2) to remove it, but it stays as long as portier
// holds its copy. release() removes it.
void close(Socket& socket);

}  // namespace push
