#include "admin/command_server.hpp"

#include <sys/socket.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace portier::admin {

namespace {

namespace asio = boost::asio;

constexpr unsigned kMaxConnections = 32;
constexpr std::size_t kMaxRequest = 4096;
constexpr unsigned kAcceptsPerTurn = 64;
constexpr std::chrono::seconds kTimeout{10};
constexpr std::chrono::milliseconds kPause{100};  // out of descriptors

// One request and its answer. A client that does not send, or does not read, is left after kTimeout.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(asio::io_context& io, std::shared_ptr<unsigned> open) : socket_(io), timeout_(io), open_(std::move(open)) {
        ++*open_;
    }
    ~Session() { --*open_; }

    bool assign(Fd fd) {
        boost::system::error_code error;
        socket_.assign(asio::local::stream_protocol(), fd.get(), error);
        if (!error) fd.release();
        return !error;
    }

    void start(const CommandServer::Dispatch& dispatch) {
        limit_time();
        asio::async_read_until(
            socket_, asio::dynamic_buffer(request_, kMaxRequest), '\n',
            [self = shared_from_this(), dispatch](const boost::system::error_code& error, std::size_t) {
                self->timeout_.cancel();
                if (!error) self->answer(dispatch);
            });
    }

private:
    void limit_time() {
        timeout_.set(kTimeout, [this] { socket_.cancel(); });
    }

    void answer(const CommandServer::Dispatch& dispatch) {
        dispatch(request_, [self = shared_from_this()](const std::string& line) {
            self->response_ = line + "\n";
            self->limit_time();
            asio::async_write(self->socket_, asio::buffer(self->response_),
                              [self](const boost::system::error_code&, std::size_t) {});
        });
    }

    asio::local::stream_protocol::socket socket_;
    Alarm timeout_;
    std::shared_ptr<unsigned> open_;
    std::string request_, response_;
};

}  // namespace

CommandServer::CommandServer(asio::io_context& io, std::string path, Dispatch dispatch)
    : io_(io), dispatch_(std::move(dispatch)), listener_(std::move(path)), pause_(io) {
    readable_ = std::make_unique<Readable>(io_, listener_.descriptor(), [this] { accept_some(); });
    readable_->wait();
}

void CommandServer::accept_some() {
    for (unsigned i = 0; i < kAcceptsPerTurn; ++i) {
        Fd fd(::accept4(listener_.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd && errno != EAGAIN) return pause_.set(kPause, [this] { accept_some(); });
        if (!fd) break;
        if (*open_ >= kMaxConnections) continue;  // closes it
        const auto session = std::make_shared<Session>(io_, open_);
        if (session->assign(std::move(fd))) session->start(dispatch_);
    }
    readable_->wait();
}

}  // namespace portier::admin
