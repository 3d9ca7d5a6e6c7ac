// Whether a program that was given a connection has begun to use it. Any thread.
#pragma once

namespace portier::net {

// Nobody has read from this TCP connection, written to it or shut it down, so another program can still serve it from
// the beginning. True for what is no TCP connection.
bool is_untouched(int socket);

}  // namespace portier::net
