// One WebSocket client of one topic: everything published goes through a bounded queue; who reads too slowly is shown
// out with a reason. Keeps itself alive while something is under way. Io thread only.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "push/house.hpp"
#include "push/socket.hpp"

namespace push {

class Subscriber : public Guest, public Listener, public std::enable_shared_from_this<Subscriber> {
public:
    using Request = boost::beast::http::request<boost::beast::http::string_body>;

    Subscriber(House& house, Socket socket, std::string topic);
    ~Subscriber() override;

    // Answers the upgrade request, then subscribes.
    void start(Request request);
    void hear(const Message& message) override;
    void finish() override;

private:
    void read();
    void write();
    void leave(const boost::beast::websocket::close_reason& reason);
    void unsubscribe();

    House& house_;
    std::string topic_;
    boost::beast::websocket::stream<Socket> stream_;
    boost::beast::flat_buffer received_;
    std::deque<Message> queue_;  // the first one is being written
    std::size_t queued_bytes_ = 0;
    bool subscribed_ = false;
    bool leaving_ = false;
};

}  // namespace push
