// Reads the PROXY header that a connection's sender has put in front, and not a byte more. One thread at a time.
#pragma once

#include "net/proxy_protocol.hpp"

namespace portier::net {

struct ProxyRead {
    enum class State { waiting, done, malformed, ended };

    State state = State::waiting;                            // ended: no more bytes will come
    std::uint16_t size = 0;                                  // done: bytes of the header
    std::optional<ProxyAddresses> addresses = std::nullopt;  // done: as ProxyHeader
    const char* reason = "";                                 // malformed: for the log
};

// `socket` is non-blocking. Once the whole header is there it is taken out of the socket; before that nothing is.
ProxyRead read_proxy_header(int socket);

}  // namespace portier::net
