// echo: sends everything back. The smallest handler, and the template to copy: a Service and a main().
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <unordered_map>

#include "sdk/server.hpp"

namespace {

using portier::sdk::Connections;

class Echo : public portier::sdk::Service {
public:
    explicit Echo(Connections& connections) : connections_(connections) {}

    void opened(int fd) override { ready(fd); }

    void ready(int fd) override {
        if (!unsent_.empty() && unsent_.contains(fd)) return send_rest(fd);
        const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
        if (size > 0) return send(fd, {buffer_.data(), static_cast<std::size_t>(size)});
        if (size == 0 || errno != EAGAIN) connections_.close(fd);
    }

    void finish(int fd) override {
        finishing_ = true;
        ready(fd);
        if (connections_.has(fd) && !unsent_.contains(fd)) connections_.close(fd);
    }

    std::optional<std::string_view> answer(std::string_view datagram) override { return datagram; }

private:
    void send(int fd, std::string_view bytes) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent == static_cast<ssize_t>(bytes.size())) return;
        if (sent < 0 && errno != EAGAIN) return connections_.close(fd);
        // The client reads slowly: keep the rest and read no more until it is gone.
        unsent_.emplace(fd, bytes.substr(sent < 0 ? 0 : static_cast<std::size_t>(sent)));
        connections_.wait_for(fd, EPOLLOUT);
    }

    void send_rest(int fd) {
        const auto rest = unsent_.extract(fd);
        connections_.wait_for(fd, EPOLLIN);
        send(fd, rest.mapped());
        if (finishing_ && connections_.has(fd) && !unsent_.contains(fd)) connections_.close(fd);
    }

    Connections& connections_;
    std::unordered_map<int, std::string> unsent_;
    std::array<char, 65536> buffer_;
    bool finishing_ = false;
};

}  // namespace

int main() {
    return portier::sdk::serve("echo", [](Connections& connections) { return std::make_unique<Echo>(connections); });
}
