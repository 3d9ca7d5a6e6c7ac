#include "keeper/notify_socket.hpp"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/error.hpp"
#include "base/log.hpp"

namespace portier::keeper {

namespace {

constexpr int kMessagesPerTurn = 16;
constexpr std::chrono::seconds kRetry{1};

std::string random_name() {
    std::array<unsigned char, 16> bytes;
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) throw_errno("getrandom");
    std::string name = "@portier/notify/";
    for (const unsigned char byte : bytes) {
        name += "0123456789abcdef"[byte >> 4];
        name += "0123456789abcdef"[byte & 15];
    }
    return name;
}

Fd bind_abstract(const std::string& name) {
    Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) throw_errno("notify socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);  // the first byte stays zero: abstract
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) < 0) throw_errno("bind notify socket");
    return fd;
}

}  // namespace

NotifySocket::NotifySocket(boost::asio::io_context& io, Closer& closer, Events events)
    : name_(random_name()),
      socket_(bind_abstract(name_)),
      events_(std::move(events)),
      io_(io),
      closer_(closer),
      again_(io) {
    readable_ = std::make_unique<Readable>(io, socket_.get(), [this] { read_some(); });
    readable_->wait();
}

NotifySocket::~NotifySocket() {
    readable_.reset();
    closer_.close_unix(std::move(socket_));
}

void NotifySocket::read_some() {
    std::array<std::byte, 4096> buffer;
    for (int i = 0; i < kMessagesPerTurn; ++i) {
        const net::Received message = net::peek_message(socket_.get(), buffer);
        if (message.error == std::errc::resource_unavailable_try_again) break;
        const bool with_descriptors = message.descriptors_lost;
        if (with_descriptors && !discard_next()) return;
        if (!message.error && may_speak(message)) tell({reinterpret_cast<const char*>(buffer.data()), message.size});
        if (with_descriptors) return;
        net::receive_message(socket_.get(), buffer);
    }
    readable_->wait();
}

// Reads on when the message is gone. False: nobody can take it now, it will be looked at again.
bool NotifySocket::discard_next() {
    taken_seen_.reset();
    taken_ = closer_.discard_message(socket_.get());
    if (!taken_) {
        log_limited(LogSeverity::warning, "notify messages with descriptors wait: too many are being closed",
                    {{"socket", name_}});
        again_.set(kRetry, [this] { read_some(); });
        return false;
    }
    taken_seen_ = std::make_unique<Readable>(io_, taken_.get(), [this] { read_some(); });
    taken_seen_->wait();
    return true;
}

bool NotifySocket::may_speak(const net::Received& message) const {
    if (!message.sender) return false;
    const uid_t user = message.sender->user;
    return user == 0 || user == ::geteuid() || events_.is_ours(message.sender->pid);
}

void NotifySocket::tell(std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const std::size_t equals = line.find('=');
        if (equals != std::string_view::npos) events_.variable(line.substr(0, equals), line.substr(equals + 1));
    }
}

}  // namespace portier::keeper
