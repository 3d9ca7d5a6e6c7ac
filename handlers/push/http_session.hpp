// One client that speaks HTTP: the page at /, POST /topic/NAME, and the upgrade to a WebSocket, which hands the socket
// over to a Subscriber. Keeps itself alive while something is under way. Io thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>

#include "push/house.hpp"
#include "push/replies.hpp"
#include "push/socket.hpp"

namespace push {

class HttpSession : public Guest, public std::enable_shared_from_this<HttpSession> {
public:
    HttpSession(House& house, Socket socket);
    ~HttpSession() override;

    void start() { read(); }
    void finish() override;

private:
    void read();
    void on_read(boost::system::error_code error);
    void route(Request request);
    void write(Response response);
    void give_up_later();

    House& house_;
    Socket socket_;
    boost::asio::steady_timer timer_;
    boost::beast::flat_buffer buffer_;
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
    Response response_;
    bool reading_ = false;
    bool finishing_ = false;
};

}  // namespace push
