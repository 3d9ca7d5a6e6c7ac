#include "admin/http_server.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <vector>

#include "admin/client.hpp"
#include "base/version.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::admin {

namespace {

class HttpServerTest : public testing::Test {
protected:
    HttpServerTest() {
        Fd listener = test::listen_somewhere();
        port_ = test::port_of(listener);
        ::fcntl(listener.get(), F_SETFL, O_NONBLOCK);
        server_ = std::make_unique<HttpServer>(io_, std::move(listener), [this](const std::string& path) {
            paths_.push_back(path);
            return path == "/hello" ? Page{.content_type = "text/html", .body = "hello\n"}
                   : path == "/big" ? Page{.body = std::string(1 << 20, 'x')}
                                    : Page{.status = 404, .body = "no such page\n"};
        });
    }

    Client connect() const { return Client(test::connect_to(port_)); }
    template <typename Condition>
    bool run_until(Condition condition) {
        return test::run_until(io_, condition);
    }
    // The whole conversation of a client that wants no second answer.
    std::string exchange(const std::string& request) {
        Client client = connect();
        client.send(request);
        EXPECT_TRUE(run_until([&] { return client.is_closed(); })) << request;
        return client.received();
    }
    bool answers() {
        return exchange("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").find("200 OK") !=
               std::string::npos;
    }

    boost::asio::io_context io_{1};
    std::uint16_t port_ = 0;
    std::vector<std::string> paths_;
    std::unique_ptr<HttpServer> server_;
};

bool has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

const std::string kGet = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

}  // namespace

// A page with its status, type and length; the query is not part of the path.
TEST_F(HttpServerTest, AnswersGet) {
    const std::string answer = exchange("GET /hello?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(answer.substr(0, 17), "HTTP/1.1 200 OK\r\n");
    EXPECT_TRUE(has(answer, "\r\nContent-Type: text/html\r\n"));
    EXPECT_TRUE(has(answer, "\r\nContent-Length: 6\r\n"));
    EXPECT_TRUE(has(answer, std::string("\r\nServer: portier/") + kVersion + "\r\n"));
    EXPECT_EQ(answer.substr(answer.size() - 10), "\r\n\r\nhello\n");
    EXPECT_EQ(paths_, std::vector<std::string>{"/hello"});
}

// HEAD is the same without the page.
TEST_F(HttpServerTest, AnswersHead) {
    const std::string answer = exchange("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(has(answer, "200 OK"));
    EXPECT_TRUE(has(answer, "\r\nContent-Length: 6\r\n"));
    EXPECT_EQ(answer.substr(answer.size() - 4), "\r\n\r\n");
}

// A page that does not exist is the page function's to describe.
TEST_F(HttpServerTest, PassesTheStatusOn) {
    const std::string answer = exchange("GET /nothing HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(has(answer, "404 Not Found"));
    EXPECT_TRUE(has(answer, "\r\n\r\nno such page\n"));
}

// Other methods are refused with what is allowed, with a body or without; nobody is asked for a page.
TEST_F(HttpServerTest, RefusesOtherMethods) {
    for (const char* request :
         {"POST /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
          "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
          "PUT /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
          "DANCE /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"}) {
        const std::string answer = exchange(request);
        EXPECT_TRUE(has(answer, "405 Method Not Allowed")) << request << answer;
        EXPECT_TRUE(has(answer, "\r\nAllow: GET, HEAD\r\n")) << request;
    }
    EXPECT_TRUE(paths_.empty());
}

// One connection may ask again and again, also before the first answer has come, until it says goodbye.
TEST_F(HttpServerTest, KeepsAlive) {
    Client client = connect();
    client.send(kGet);
    ASSERT_TRUE(run_until([&] { return client.has("hello\n"); }));
    EXPECT_FALSE(client.is_closed());
    client.send(kGet + kGet + "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ASSERT_TRUE(run_until([&] { return client.is_closed(); }));
    EXPECT_EQ(paths_.size(), 4u);
}

// An old client that does not ask for more gets one answer.
TEST_F(HttpServerTest, ClosesAfterOldRequests) {
    EXPECT_TRUE(has(exchange("GET /hello HTTP/1.0\r\n\r\n"), "hello\n"));
}

// Headers without end and garbage are told so and cut off, however much more comes; the next client is served.
TEST_F(HttpServerTest, CutsOffWhatIsNoRequest) {
    const auto answer_to = [this](const std::string& bytes) {
        Client client = connect();
        client.send(bytes);
        EXPECT_TRUE(run_until([&] { return client.has("\r\n\r\n"); })) << bytes.substr(0, 50);
        client.finish();
        EXPECT_TRUE(run_until([&] { return client.is_closed(); }));
        return client.received().substr(0, client.received().find("\r\n"));
    };
    const std::string too_large = "HTTP/1.1 431 Request Header Fields Too Large", bad = "HTTP/1.1 400 Bad Request";
    EXPECT_EQ(answer_to("GET /hello HTTP/1.1\r\nX: " + std::string(20'000, 'x')), too_large);
    EXPECT_EQ(answer_to("GET /" + std::string(20'000, 'x')), too_large);
    EXPECT_EQ(answer_to("what is this\r\n\r\n"), bad);
    EXPECT_EQ(answer_to(std::string("\x16\x03\x01\x02\0\x01\0\x01", 8) + std::string(200, '\0')), bad);
    EXPECT_TRUE(paths_.empty());
    EXPECT_TRUE(answers());
}

// A client that falls silent, in whatever state, is left after a while; others are served meanwhile.
TEST_F(HttpServerTest, SilentClientsTimeOut) {
    std::vector<Client> silent;
    for (const char* beginning : {"", "GET /hel", "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"}) {
        silent.push_back(connect());
        silent.back().send(beginning);
    }
    test::run_ready(io_);
    EXPECT_TRUE(answers());
    for (Client& client : silent) EXPECT_TRUE(run_until([&] { return client.is_closed(); }));
    EXPECT_FALSE(silent[0].has("hello"));
    EXPECT_FALSE(silent[1].has("hello"));
    EXPECT_TRUE(silent[2].has("hello"));
    EXPECT_TRUE(answers());
}

// Only so many at once: who was longest without a request makes room, so silent clients keep nobody away.
TEST_F(HttpServerTest, IsBounded) {
    Client asks = connect();
    test::run_ready(io_);
    std::vector<Client> silent;
    for (int i = 0; i < 31; ++i) silent.push_back(connect());
    test::run_ready(io_);
    asks.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(run_until([&] { return asks.received().find("hello\n") != std::string::npos; }));
    EXPECT_TRUE(answers());
    ASSERT_TRUE(run_until([&] { return silent.front().is_closed(); }));
    EXPECT_FALSE(asks.is_closed());
    for (std::size_t i = 1; i < silent.size(); ++i) EXPECT_FALSE(silent[i].is_closed()) << i;
}

// A page larger than every buffer arrives whole.
TEST_F(HttpServerTest, SendsLargePages) {
    const std::string answer = exchange("GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_GT(answer.size(), 1u << 20);
    EXPECT_TRUE(has(answer, "\r\nContent-Length: 1048576\r\n"));
}

// Without descriptors it waits instead of spinning, and goes on when there are some again.
TEST_F(HttpServerTest, WaitsForDescriptors) {
    Client client = connect();
    client.send("GET /hello HTTP/1.0\r\n\r\n");
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const Fd lowest_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit none{static_cast<rlim_t>(lowest_free.get()), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    std::size_t turns = 0;
    while (turns < 1000 && io_.poll_one() > 0) ++turns;
    const std::string during = client.received();
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_LT(turns, 10u);
    EXPECT_EQ(during, "");
    ASSERT_TRUE(run_until([&] { return client.is_closed(); }));
    EXPECT_TRUE(client.has("hello\n"));
}

}  // namespace portier::admin
