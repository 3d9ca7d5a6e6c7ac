#include "admin/http_server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <optional>

#include "base/version.hpp"

namespace portier::admin {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr unsigned kMaxConnections = 32;
constexpr std::size_t kMaxRequest = 8192;
constexpr std::chrono::seconds kTimeout{10};
constexpr std::chrono::milliseconds kPause{100};  // out of descriptors

using PageFunction = std::function<Page(const std::string&)>;

using Parser = http::request_parser<http::empty_body>;

constexpr unsigned kAcceptsPerTurn = 64;
// How much of what a client still sends is thrown away after a last answer, and for how long.
constexpr std::size_t kMaxFarewell = 65536;
constexpr std::chrono::seconds kFarewell{2};

// The answer to what is no request, empty when nothing came that could have become one.
std::optional<http::response<http::string_body>> refuse(const boost::system::error_code& error) {
    const bool http_error = error.category() == http::make_error_code(http::error::end_of_stream).category();
    if (!http_error || error == http::error::end_of_stream || error == http::error::partial_message)
        return std::nullopt;
    const bool too_large = error == http::error::header_limit || error == http::error::buffer_overflow;
    http::response<http::string_body> response;
    response.result(too_large ? http::status::request_header_fields_too_large : http::status::bad_request);
    response.set(http::field::server, std::string("portier/") + kVersion);
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.keep_alive(false);
    response.body() = too_large ? "a request has at most 8192 bytes\n" : "this is no HTTP request\n";
    response.prepare_payload();
    return response;
}

http::response<http::string_body> respond(const Parser& parser, const PageFunction& page) {
    const auto& request = parser.get();
    http::response<http::string_body> response;
    response.version(request.version());
    response.keep_alive(request.keep_alive() && parser.is_done());  // a body is not read, so nothing can follow it
    response.set(http::field::server, std::string("portier/") + kVersion);
    Page result;
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
        response.set(http::field::allow, "GET, HEAD");
        result = {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
    } else {
        const std::string target(request.target());
        result = page(target.substr(0, target.find('?')));
    }
    response.result(result.status);
    response.set(http::field::content_type, result.content_type);
    response.body() = std::move(result.body);
    response.prepare_payload();
    if (request.method() == http::verb::head) response.body().clear();  // the length stays that of the page
    return response;
}

}  // namespace

// The connections that are open; the one that was longest without a request is the first to make room for another.
class HttpVisitors {
public:
    using Stream = std::shared_ptr<beast::tcp_stream>;

    void enter(const Stream& stream) {
        if (streams_.size() == kMaxConnections) {
            streams_.front()->close();
            streams_.pop_front();
        }
        streams_.push_back(stream);
    }

    void has_asked(const Stream& stream) {
        const auto found = std::find(streams_.begin(), streams_.end(), stream);
        if (found != streams_.end()) streams_.splice(streams_.end(), streams_, found);
    }

    void leave(const Stream& stream) { streams_.remove(stream); }

private:
    std::list<Stream> streams_;
};

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

// Closing while the client still sends would reset the connection, and the client might lose the answer.
asio::awaitable<void> say_goodbye(beast::tcp_stream& stream) {
    boost::system::error_code error;
    stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
    stream.expires_after(kFarewell);
    std::array<char, 4096> ignored;
    for (std::size_t total = 0; !error && total < kMaxFarewell;) {
        const auto [read_error, size] = co_await stream.async_read_some(asio::buffer(ignored), kToken);
        error = read_error;
        total += size;
    }
    stream.socket().shutdown(asio::ip::tcp::socket::shutdown_both, error);
}

// Any error ends this connection and nothing else.
asio::awaitable<void> serve(HttpVisitors::Stream stream, PageFunction page, std::shared_ptr<HttpVisitors> visitors) {
    beast::flat_buffer buffer(kMaxRequest);
    for (bool keep_alive = true; keep_alive;) {
        Parser parser;
        parser.header_limit(kMaxRequest);
        stream->expires_after(kTimeout);
        const auto [read_error, read_size] = co_await http::async_read_header(*stream, buffer, parser, kToken);
        const auto refusal = read_error ? refuse(read_error) : std::nullopt;
        if (read_error && !refusal) break;
        if (!read_error) visitors->has_asked(stream);
        const auto response = refusal ? *refusal : respond(parser, page);
        stream->expires_after(kTimeout);
        const auto [write_error, write_size] = co_await http::async_write(*stream, response, kToken);
        keep_alive = response.keep_alive() && !write_error;
    }
    co_await say_goodbye(*stream);
    visitors->leave(stream);
}

}  // namespace

HttpServer::HttpServer(asio::io_context& io, Fd listener, PageFunction page)
    : io_(io),
      listener_(std::move(listener)),
      page_(std::move(page)),
      visitors_(std::make_shared<HttpVisitors>()),
      readable_(io, listener_.get(), [this] { accept_some(); }),
      pause_(io) {
    readable_.wait();
}

void HttpServer::accept_some() {
    for (unsigned i = 0; i < kAcceptsPerTurn; ++i) {
        sockaddr_storage remote{};
        socklen_t length = sizeof remote;
        Fd fd(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&remote), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd && errno != EAGAIN) return pause_.set(kPause, [this] { accept_some(); });
        if (!fd) break;
        const auto family = remote.ss_family == AF_INET ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
        boost::system::error_code error;
        asio::ip::tcp::socket socket(io_);
        socket.assign(family, fd.get(), error);
        if (error) continue;
        fd.release();
        const auto stream = std::make_shared<beast::tcp_stream>(std::move(socket));
        visitors_->enter(stream);
        asio::co_spawn(io_, serve(stream, page_, visitors_), asio::detached);
    }
    readable_.wait();
}

}  // namespace portier::admin
