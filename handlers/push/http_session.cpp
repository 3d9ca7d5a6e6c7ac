#include "push/http_session.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <string>

#include "push/subscriber.hpp"

namespace push {

namespace http = boost::beast::http;

namespace {

// For one request to arrive, or for one answer to leave.
constexpr std::chrono::seconds kPatience{30};

bool is_malformed(boost::system::error_code error) {
    const bool ended = error == http::error::end_of_stream || error == http::error::partial_message;
    return !ended && error.category() == http::make_error_code(http::error::bad_method).category();
}

}  // namespace

HttpSession::HttpSession(House& house, Socket socket)
    : house_(house), socket_(std::move(socket)), timer_(socket_.get_executor()) {
    house_.guests.enter(*this);
}

HttpSession::~HttpSession() {
    close(socket_);
    house_.guests.leave(*this);
}

void HttpSession::finish() {
    finishing_ = true;
    boost::system::error_code ignored;
    if (reading_) socket_.cancel(ignored);
}

void HttpSession::read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(kMaxBody);
    reading_ = true;
    give_up_later();
    http::async_read(socket_, buffer_, *parser_,
                     [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                         self->reading_ = false;
                         self->timer_.cancel();
                         self->on_read(error);
                     });
}

void HttpSession::on_read(boost::system::error_code error) {
    if (error == http::error::body_limit)
        return write(unreadable(http::status::payload_too_large, "too long a message\n"));
    if (is_malformed(error)) return write(unreadable(http::status::bad_request, "not a request I understand\n"));
    if (!error) route(parser_->release());
}

void HttpSession::route(Request request) {
    const std::string topic = topic_of({request.target().data(), request.target().size()});
    if (!topic.empty() && boost::beast::websocket::is_upgrade(request))
        return std::make_shared<Subscriber>(house_, std::move(socket_), topic)->start(std::move(request));
    if (topic.empty() || request.method() != http::verb::post) return write(reply_to(request));
    if (!is_text(request.body())) return write(unreadable(http::status::bad_request, "a message is UTF-8 text\n"));
    const std::size_t subscribers = house_.topics.publish(topic, std::move(request.body()));
    write(published(request, subscribers));
}

void HttpSession::write(Response response) {
    response_ = std::move(response);
    if (finishing_) response_.keep_alive(false);
    give_up_later();
    http::async_write(socket_, response_, [self = shared_from_this()](boost::system::error_code error, std::size_t) {
        self->timer_.cancel();
        if (!error && self->response_.keep_alive() && !self->finishing_) self->read();
    });
}

void HttpSession::give_up_later() {
    timer_.expires_after(kPatience);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        boost::system::error_code ignored;
        if (!error && self) self->socket_.cancel(ignored);
    });
}

}  // namespace push
