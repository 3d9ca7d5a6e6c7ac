// What a program does with its connections and datagrams; the Server brings them. One thread.
#pragma once

#include <optional>
#include <string_view>

namespace portier::sdk {

class Service {
public:
    virtual ~Service() = default;

    // A new connection, not yet watched: reading at once is allowed and often finds the first request.
    virtual void opened(int fd) = 0;

    // The connection may be readable, writable or broken: try, the socket does not block.
    virtual void ready(int fd) = 0;

    // SIGTERM: close it if it is idle, else once what it is owed is sent.
    virtual void finish(int fd) = 0;

    // The reply to one datagram, valid until the next call; nullopt: none.
    virtual std::optional<std::string_view> answer(std::string_view datagram) = 0;
};

}  // namespace portier::sdk
