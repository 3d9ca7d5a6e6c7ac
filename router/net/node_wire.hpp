// How Node.js hands a connection to a child process, as bytes: one JSON line on NODE_CHANNEL_FD with the descriptor
// beside it, answered by a line (lib/internal/child_process.js in Node.js, the same since version 12).
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "net/endpoint.hpp"

namespace portier::net {

struct NodeConnection {
    std::string_view handler;
    Endpoint local;
    Endpoint remote;
};

// What `process.on('message', (m, socket) => ...)` is called with; handlers/README.md says what `m` has. Ends with a
// newline. Under 2,000 bytes for a handler's name of up to 64.
std::string encode_node_handle(const NodeConnection& connection);

enum class NodeWord {
    ack,      // the handle has arrived
    nack,     // it has not: the process has no descriptor left
    other,    // the script's own message, or a word of Node.js that we need not know
    garbage,  // not JSON
};

// `line` is without its newline.
NodeWord decode_node_line(std::string_view line);

}  // namespace portier::net
