// Which of the UDP sockets bound to one place with SO_REUSEPORT get its datagrams: the first ones, by a small program
// in the kernel (socket(7), SO_ATTACH_REUSEPORT_CBPF). So a socket can be bound, and handed to a process that is not
// ready yet, without taking datagrams from the others; and a flow stays at its socket while that number does not
// change.
#pragma once

#include <system_error>

namespace portier::net {

// From now on the first `count` sockets, in the order in which they were bound, share the datagrams by their source;
// `socket` is any of them. The kernel moves the last socket to the place of one that is closed, so close only the last.
std::error_code spread_datagrams(int socket, unsigned count);

}  // namespace portier::net
