// One UDP socket, served request by request: each datagram gets one reply or none, sent from the very address that the
// request was sent to (a wildcard socket would otherwise answer from the address of the route). One thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace portier::sdk {

class Datagrams {
public:
    // Throws std::system_error.
    explicit Datagrams(Fd socket);

    int fd() const { return socket_.get(); }

    // Answers what waits, at most a few hundred datagrams a call. answer(std::string_view request) returns a
    // std::optional<std::string_view>, valid until it is called again.
    template <typename Answer>
    void serve(Answer&& answer) {
        for (int round = 0; round < kRounds; ++round) {
            const std::size_t count = receive();
            std::size_t replies = 0;
            for (std::size_t i = 0; i < count; ++i)
                if (const std::optional<std::string_view> reply = answer(request(i))) prepare(replies++, i, *reply);
            send(replies);
            if (count < kBatch) return;
        }
    }

private:
    static constexpr std::size_t kBatch = 32;
    static constexpr std::size_t kMaxDatagram = 65536;
    static constexpr int kRounds = 8;

    struct Request {
        sockaddr_storage from;
        iovec part;
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control;
    };
    struct Reply {
        std::string text;
        iovec part;
    };

    std::size_t receive();
    std::string_view request(std::size_t index) const;
    void prepare(std::size_t reply, std::size_t request, std::string_view text);
    void send(std::size_t count);

    Fd socket_;
    std::unique_ptr<char[]> buffer_;
    std::array<Request, kBatch> requests_;
    std::array<Reply, kBatch> replies_;
    std::array<mmsghdr, kBatch> received_{};
    std::array<mmsghdr, kBatch> sent_{};
};

}  // namespace portier::sdk
