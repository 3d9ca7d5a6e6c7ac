// The NOTIFY_SOCKET of one handler process (sd_notify(3)): an abstract datagram socket. Its name is no secret
// (/proc/net/unix), so the kernel says who sent a message: only the handler's own processes, root and portier's own
// user, who may signal a handler anyway, are heard. Descriptors that come along (BARRIER=1, FDSTORE=1) are closed,
// never by the keeper (keeper/closer). Keeper's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"
#include "keeper/closer.hpp"
#include "net/channel.hpp"

namespace portier::keeper {

class NotifySocket {
public:
    struct Events {
        std::function<bool(pid_t)> is_ours;                                // whether it belongs to the handler process
        std::function<void(std::string_view, std::string_view)> variable;  // each KEY, VALUE of a message, in order
    };

    // Throws std::system_error.
    NotifySocket(boost::asio::io_context& io, Closer& closer, Events events);
    ~NotifySocket();

    const std::string& name() const { return name_; }  // for NOTIFY_SOCKET: "@portier/..."

private:
    void read_some();
    bool discard_next();
    bool may_speak(const net::Received& message) const;
    void tell(std::string_view text);

    std::string name_;
    Fd socket_;
    Events events_;
    boost::asio::io_context& io_;
    Closer& closer_;
    std::unique_ptr<Readable> readable_;
    Fd taken_;  // while somebody takes a message with descriptors away
    std::unique_ptr<Readable> taken_seen_;
    Alarm again_;
};

}  // namespace portier::keeper
