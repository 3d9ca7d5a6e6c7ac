#include "net/node_wire.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace portier::net {

namespace {

// Longer than any word of Node.js that we know: what scripts say to each other is not looked into.
constexpr std::size_t kLongestWord = 256;

// Half a surrogate pair ("\ud800") is JSON (RFC 8259, 8.2), and JSON.stringify() writes it, but our parser refuses it:
// each half becomes a character that no word of Node.js has.
std::string without_surrogates(std::string_view line) {
    std::string text(line);
    for (std::size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at + 2)) {
        const std::string_view escape = std::string_view(text).substr(at, 4);
        const bool half = escape.size() == 4 && escape[1] == 'u' && (escape[2] | 0x20) == 'd' &&
                          std::string_view("89abcdefABCDEF").find(escape[3]) != std::string_view::npos;
        if (half) text.replace(at + 2, 2, "ff");
    }
    return text;
}

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
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.empty() || std::string_view("{[\"-0123456789tfn").find(line.front()) == std::string_view::npos)
        return NodeWord::garbage;
    if (line.size() > kLongestWord) return NodeWord::other;
    boost::json::parse_options as_deep_as_it_is;
    as_deep_as_it_is.max_depth = kLongestWord;
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(without_surrogates(line), error, {}, as_deep_as_it_is);
    return error ? NodeWord::garbage : word_of(value);
}

}  // namespace portier::net
