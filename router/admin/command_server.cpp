#include "admin/command_server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>

#include "admin/command_address.hpp"
#include "base/error.hpp"

namespace portier::admin {

namespace {

namespace asio = boost::asio;

constexpr unsigned kMaxConnections = 32;
constexpr std::size_t kMaxRequest = 4096;
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

// A socket file that a killed portier left behind is replaced, one that answers is not.
Fd listen_at(const std::string& path) {
    const sockaddr_un address = command_address(path);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const std::string what = "command socket " + path;
    std::error_code ignored;
    const auto folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(probe.get(), generic, sizeof address) == 0)
        throw_errno(what + ": another portier listens there", EADDRINUSE);
    // Whatever is no socket refuses, too: that is somebody's file.
    if (errno == ECONNREFUSED && std::filesystem::is_socket(path, ignored)) ::unlink(path.c_str());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) throw_errno(what);
    const mode_t before = ::umask(0177);
    const int bound = ::bind(fd.get(), generic, sizeof address);
    const int error = errno;
    ::umask(before);
    if (bound < 0) throw_errno(what, error);
    if (::listen(fd.get(), 64) < 0) throw_errno(what);
    return fd;
}

}  // namespace

CommandServer::CommandServer(asio::io_context& io, std::string path, Dispatch dispatch)
    : io_(io), path_(std::move(path)), dispatch_(std::move(dispatch)), listener_(listen_at(path_)), pause_(io) {
    readable_ = std::make_unique<Readable>(io_, listener_.get(), [this] { accept_some(); });
    readable_->wait();
}

CommandServer::~CommandServer() {
    ::unlink(path_.c_str());
}

void CommandServer::accept_some() {
    for (;;) {
        Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd && errno != EAGAIN) return pause_.set(kPause, [this] { accept_some(); });
        if (!fd) break;
        if (*open_ >= kMaxConnections) continue;  // closes it
        const auto session = std::make_shared<Session>(io_, open_);
        if (session->assign(std::move(fd))) session->start(dispatch_);
    }
    readable_->wait();
}

}  // namespace portier::admin
