#include "net/proxy_read.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::net {

namespace {

using State = ProxyRead::State;

const std::string kHeader = "PROXY TCP4 192.0.2.1 192.0.2.2 1001 1002\r\n";

class ProxyReadTest : public testing::Test {
protected:
    // Until the kernel has brought what was sent.
    ProxyRead read_when_there(std::size_t bytes) {
        std::string buffer(bytes + 1, '\0');
        EXPECT_TRUE(test::eventually([&] {
            return ::recv(pair_.accepted.get(), buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT) ==
                   static_cast<ssize_t>(bytes);
        }));
        return read_proxy_header(pair_.accepted.get());
    }
    std::string rest() {
        pair_.client.reset();
        return test::receive_all(pair_.accepted);
    }

    Fd listener_ = test::listen_somewhere();
    test::Pair pair_ = test::make_pair(listener_);
};

}  // namespace

// Nothing there, a part, the whole with data in the same segment: the header goes, the data stays.
TEST_F(ProxyReadTest, TakesTheHeaderAndNotAByteMore) {
    EXPECT_EQ(read_proxy_header(pair_.accepted.get()).state, State::waiting);
    test::send_all(pair_.client, kHeader.substr(0, 20));
    EXPECT_EQ(read_when_there(20).state, State::waiting);
    const std::string data = "\r\nPROXY TCP4 data\r\n";
    test::send_all(pair_.client, kHeader.substr(20) + data);
    const ProxyRead read = read_when_there(kHeader.size() + data.size());
    ASSERT_EQ(read.state, State::done);
    ASSERT_TRUE(read.addresses);
    EXPECT_EQ(to_string(read.addresses->source), "192.0.2.1:1001");
    EXPECT_EQ(to_string(read.addresses->destination), "192.0.2.2:1002");
    EXPECT_EQ(rest(), data);
}

// The longest header there is, and then a byte.
TEST_F(ProxyReadTest, TakesTheLongest) {
    std::string header("\r\n\r\n\0\r\nQUIT\n\x20\x00\x10\x00", 16);
    header.resize(kMaxProxyV2, 'x');
    test::send_all(pair_.client, header + "y");
    EXPECT_EQ(read_when_there(header.size() + 1).state, State::done);
    EXPECT_EQ(rest(), "y");
}

// What is wrong is left where it is, with a reason.
TEST_F(ProxyReadTest, LeavesWhatIsMalformed) {
    test::send_all(pair_.client, "GET / HTTP/1.1\r\n");
    const ProxyRead read = read_when_there(16);
    EXPECT_EQ(read.state, State::malformed);
    EXPECT_STREQ(read.reason, "no PROXY header");
    EXPECT_EQ(rest(), "GET / HTTP/1.1\r\n");
}

// Who says goodbye or resets without a header has ended; with one he may still want an answer.
TEST_F(ProxyReadTest, NoticesTheEnd) {
    ::shutdown(pair_.client.get(), SHUT_WR);
    EXPECT_TRUE(test::eventually([&] { return read_proxy_header(pair_.accepted.get()).state == State::ended; }));
    pair_ = test::make_pair(listener_);
    test::reset(pair_.client);
    EXPECT_TRUE(test::eventually([&] { return read_proxy_header(pair_.accepted.get()).state == State::ended; }));
    pair_ = test::make_pair(listener_);
    test::send_all(pair_.client, kHeader);
    ::shutdown(pair_.client.get(), SHUT_WR);
    EXPECT_EQ(read_when_there(kHeader.size()).state, State::done);
    EXPECT_EQ(read_proxy_header(pair_.accepted.get()).state, State::ended);
}

}  // namespace portier::net
