// The keeper's command socket: a Unix socket to which the command line talks. One line of JSON in, one out; only the
// user that portier runs as (and root) may connect. Keeper's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "admin/command_socket.hpp"
#include "base/alarm.hpp"
#include "base/readable.hpp"

namespace portier::admin {

class CommandServer {
public:
    using Answer = std::function<void(const std::string& line)>;
    // `dispatch` gets a request and calls the answer once, now or later.
    using Dispatch = std::function<void(const std::string& request, Answer answer)>;

    // Throws std::system_error: another portier listens there, or the place cannot be used.
    CommandServer(boost::asio::io_context& io, std::string path, Dispatch dispatch);

private:
    void accept_some();

    boost::asio::io_context& io_;
    Dispatch dispatch_;
    std::shared_ptr<unsigned> open_ = std::make_shared<unsigned>(0);
    CommandSocket listener_;
    std::unique_ptr<Readable> readable_;
    Alarm pause_;
};

}  // namespace portier::admin
