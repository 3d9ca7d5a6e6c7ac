// Whether a program that was given a connection has begun to use it. Any thread.
#pragma once

#include <cstddef>

namespace portier::net {

// Nobody has read from this TCP connection but we, who have read `taken` bytes, nobody has written to it or shut it
// down: another program can still serve it from the beginning. True for what is no TCP connection.
bool is_untouched(int socket, std::size_t taken);

}  // namespace portier::net
