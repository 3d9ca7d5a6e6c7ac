// Whether a program that was given a connection has begun to use it. Any thread.
#pragma once

#include <cstdint>

namespace portier::net {

// So many bytes of the client somebody has read from this TCP connection; 0 for what is no TCP connection.
std::uint64_t consumed_bytes(int socket);

// Nobody has read from this TCP connection (more than was consumed before), written to it or shut it down, so another
// program can still serve it from the beginning. True for what is no TCP connection.
bool is_untouched(int socket, std::uint64_t consumed_before = 0);

}  // namespace portier::net
