#include "net/node_wire.hpp"

#include <gtest/gtest.h>

namespace portier::net {

// As node itself writes it, with the ends of the connection under node's names for them.
TEST(NodeWireTest, EncodesAHandle) {
    EXPECT_EQ(encode_node_handle({"web", {*parse_address("::1"), 443}, {*parse_address("2001:db8::7"), 65535}}),
              R"({"cmd":"NODE_HANDLE","type":"net.Socket","msg":{"handler":"web","localAddress":"::1",)"
              R"("localPort":443,"remoteAddress":"2001:db8::7","remotePort":65535},"key":""})"
              "\n");
}

// Whatever is in a name, the line is one line; the longest one fits into the smallest queue in one piece.
TEST(NodeWireTest, ALineIsALine) {
    const std::string line = encode_node_handle({"a\"b\\c\nd", {}, {}});
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_NE(line.find(R"("a\"b\\c\nd")"), std::string::npos);
    const Address longest{6, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    EXPECT_LT(encode_node_handle({std::string(64, 'x'), {longest, 65535}, {longest, 65535}}).size(), 2000u);
}

TEST(NodeWireTest, KnowsTheAnswers) {
    EXPECT_EQ(decode_node_line(R"({"cmd":"NODE_HANDLE_ACK"})"), NodeWord::ack);
    EXPECT_EQ(decode_node_line(R"({ "cmd" : "NODE_HANDLE_ACK", "more": 1 })"), NodeWord::ack);
    EXPECT_EQ(decode_node_line(R"({"cmd":"NODE_HANDLE_NACK"})"), NodeWord::nack);
}

// Scripts may say what they like, as long as it is JSON.
TEST(NodeWireTest, OthersAreNoneOfOurs) {
    const std::string deep = "{\"x\":" + std::string(1000, '[') + std::string(1000, ']') + "}";
    for (const std::string& line :
         {std::string("{}"), std::string("[]"), std::string("0"), std::string("-1.5e3"), std::string("null"),
          std::string("true"), std::string("false"), std::string("\"NODE_HANDLE_ACK\""),
          std::string(R"({"cmd":"NODE_HANDLE","type":"net.Socket"})"), std::string(R"({"cmd":7})"),
          std::string(R"({"cmd":"NODE_HANDLE_ACK_"})"), std::string(R"({"Cmd":"NODE_HANDLE_ACK"})"),
          std::string(R"([{"cmd":"NODE_HANDLE_ACK"}])"), deep})
        EXPECT_EQ(decode_node_line(line), NodeWord::other) << line;
}

// What is well formed but means nothing is JSON, too: half a surrogate pair, and as many brackets as fit.
TEST(NodeWireTest, AnyJsonIsAllowed) {
    const std::string deep = std::string(127, '[') + std::string(127, ']');
    for (const std::string& line :
         {std::string(R"("\ud800")"), std::string(R"({"x":"\uDFFF\udbff"})"), std::string(R"("\\\ud83d\ude00")"),
          std::string(R"({"cmd":"NODE_HANDLE_ACK\ud800"})"), std::string(" {\"x\":1}\r"), deep, "{\"x\":" + deep + "}",
          std::string(R"({"cmd":"NODE_HANDLE_\u0041CK\udc00"})"), std::string(R"("\\ud8")")})
        EXPECT_EQ(decode_node_line(line), NodeWord::other) << line;
    EXPECT_EQ(decode_node_line(R"({"cmd":"NODE_HANDLE_ACK","x":"\ud800"})"), NodeWord::ack);
}

TEST(NodeWireTest, RefusesWhatIsNotJson) {
    for (const char* line : {"", " ", "hello", "{", R"({"cmd":)", R"({"cmd":"NODE_HANDLE_ACK"}x)", "GET / HTTP/1.1",
                             "\x01\x02", "nul", "{'cmd':'NODE_HANDLE_ACK'}", "\"\xff\xfe\"", R"("\ud8")", R"("\ud8xx")",
                             R"("\ud)", R"("\)", "\t", "[[[", "[[]]]"})
        EXPECT_EQ(decode_node_line(line), NodeWord::garbage) << line;
}

}  // namespace portier::net
