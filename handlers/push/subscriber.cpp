#include "push/subscriber.hpp"

#include <chrono>

namespace push {

namespace websocket = boost::beast::websocket;

namespace {

constexpr std::size_t kMaxQueue = 256 * 1024;
constexpr std::size_t kMaxReceived = 4096;

// A silent client is asked for a sign of life at half the idle time; one that takes nothing is dropped.
websocket::stream_base::timeout patience() {
    return {std::chrono::seconds(10), std::chrono::seconds(60), true};
}

}  // namespace

Subscriber::Subscriber(House& house, Socket socket, std::string topic)
    : house_(house), topic_(std::move(topic)), stream_(std::move(socket)) {
    stream_.set_option(patience());
    stream_.read_message_max(kMaxReceived);
    stream_.auto_fragment(false);
    stream_.text(true);
    // At his goodbye, not when he has closed the connection as well: until then writing would wait.
    stream_.control_callback([this](websocket::frame_type kind, boost::beast::string_view) {
        if (kind == websocket::frame_type::close) unsubscribe();
    });
    house_.guests.enter(*this);
}

Subscriber::~Subscriber() {
    unsubscribe();
    close(stream_.next_layer());
    house_.guests.leave(*this);
}

void Subscriber::start(Request request) {
    const auto shared = std::make_shared<Request>(std::move(request));
    stream_.async_accept(*shared, [self = shared_from_this(), shared](boost::system::error_code error) {
        if (error) return;
        if (!self->leaving_) {
            self->house_.topics.subscribe(self->topic_, *self);
            self->subscribed_ = true;
        }
        self->read();
    });
}

void Subscriber::hear(const Message& message) {
    if (leaving_) return;
    queued_bytes_ += message->size();
    queue_.push_back(message);
    if (queue_.size() == 1) return write();
    if (queued_bytes_ <= kMaxQueue) return;
    // Not now: this is called while the topics are walked.
    leaving_ = true;
    boost::asio::post(stream_.get_executor(), [self = shared_from_this()] {
        self->leave({websocket::close_code::policy_error, "you read too slowly"});
    });
}

void Subscriber::finish() {
    if (leaving_) return;
    leaving_ = true;
    leave({websocket::close_code::going_away, "the house closes"});
}

void Subscriber::read() {
    // What a subscriber says is not wanted, but pings and his goodbye are in there.
    stream_.async_read(received_, [self = shared_from_this()](boost::system::error_code error, std::size_t) {
        self->received_.clear();
        if (error) return self->unsubscribe();
        self->read();
    });
}

void Subscriber::write() {
    stream_.async_write(boost::asio::buffer(*queue_.front()),
                        [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                            if (error) return self->unsubscribe();
                            self->queued_bytes_ -= self->queue_.front()->size();
                            self->queue_.pop_front();
                            if (!self->queue_.empty()) self->write();
                        });
}

void Subscriber::leave(const websocket::close_reason& reason) {
    unsubscribe();
    // The message that is being written must stay until it is out.
    while (queue_.size() > 1) queue_.pop_back();
    stream_.async_close(reason, [self = shared_from_this()](boost::system::error_code) {});
}

void Subscriber::unsubscribe() {
    if (subscribed_) house_.topics.unsubscribe(topic_, *this);
    subscribed_ = false;
}

}  // namespace push
