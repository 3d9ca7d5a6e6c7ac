#include "keeper/notify_socket.hpp"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "base/error.hpp"
#include "net/channel.hpp"

namespace portier::keeper {

namespace {

constexpr int kMessagesPerTurn = 16;

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
    if (!fd) throw_errno("notify socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);  // the first byte stays zero: abstract
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) < 0) throw_errno("bind notify socket");
    return fd;
}

}  // namespace

NotifySocket::NotifySocket(boost::asio::io_context& io,
                           std::function<void(std::string_view, std::string_view)> on_variable)
    : name_(random_name()), socket_(bind_abstract(name_)), on_variable_(std::move(on_variable)) {
    readable_ = std::make_unique<Readable>(io, socket_.get(), [this] { read_some(); });
    readable_->wait();
}

void NotifySocket::read_some() {
    std::array<std::byte, 4096> buffer;
    for (int i = 0; i < kMessagesPerTurn; ++i) {
        // Descriptors sent along (BARRIER=1, FDSTORE=1) are closed at once: for a barrier that is the answer.
        const net::Received received = net::receive_message(socket_.get(), buffer);
        if (received.error) break;
        std::string_view text(reinterpret_cast<const char*>(buffer.data()), received.size);
        while (!text.empty()) {
            const std::string_view line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(text.size(), line.size() + 1));
            const std::size_t equals = line.find('=');
            if (equals != std::string_view::npos) on_variable_(line.substr(0, equals), line.substr(equals + 1));
        }
    }
    readable_->wait();
}

}  // namespace portier::keeper
