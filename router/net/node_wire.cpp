#include "net/node_wire.hpp"

#include <boost/json.hpp>

namespace portier::net {

namespace {

// Longer than any word of Node.js that we know: what scripts say to each other is not looked into.
constexpr std::size_t kLongestWord = 256;

NodeWord word_of(const boost::json::value& value) {
    const boost::json::object* message = value.if_object();
    const boost::json::value* cmd = message ? message->if_contains("cmd") : nullptr;
    if (!cmd || !cmd->is_string()) return NodeWord::other;
    const boost::json::string& word = cmd->get_string();
    if (word == "NODE_HANDLE_ACK") return NodeWord::ack;
    if (word == "NODE_HANDLE_NACK") return NodeWord::nack;
    return NodeWord::other;
}

}  // namespace

std::string encode_node_handle(const NodeConnection& connection) {
    const boost::json::object message{{"handler", connection.handler},
                                      {"localAddress", to_string(connection.local.address)},
                                      {"localPort", connection.local.port},
                                      {"remoteAddress", to_string(connection.remote.address)},
                                      {"remotePort", connection.remote.port}};
    const boost::json::object line{{"cmd", "NODE_HANDLE"}, {"type", "net.Socket"}, {"msg", message}, {"key", ""}};
    return boost::json::serialize(line) + "\n";
}

NodeWord decode_node_line(std::string_view line) {
    // What JSON.stringify() begins with.
    if (line.empty() || std::string_view("{[\"-0123456789tfn").find(line.front()) == std::string_view::npos)
        return NodeWord::garbage;
    if (line.size() > kLongestWord) return NodeWord::other;
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(line, error);
    return error ? NodeWord::garbage : word_of(value);
}

}  // namespace portier::net
