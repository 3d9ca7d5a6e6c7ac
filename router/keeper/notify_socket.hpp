// The NOTIFY_SOCKET of one handler process (sd_notify(3)): an abstract datagram socket with an unguessable name, so what
// arrives is from that process or somebody it told. Keeper's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "base/readable.hpp"

namespace portier::keeper {

class NotifySocket {
public:
    // `on_variable` gets each KEY, VALUE of a message in order. Throws std::system_error.
    NotifySocket(boost::asio::io_context& io, std::function<void(std::string_view, std::string_view)> on_variable);

    const std::string& name() const { return name_; }  // for NOTIFY_SOCKET: "@portier/..."

private:
    void read_some();

    std::string name_;
    Fd socket_;
    std::function<void(std::string_view, std::string_view)> on_variable_;
    std::unique_ptr<Readable> readable_;
};

}  // namespace portier::keeper
