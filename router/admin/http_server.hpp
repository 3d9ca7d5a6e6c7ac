// A small HTTP/1.1 server for the admin page: GET and HEAD only, bounded in connections, request size and time, so that
// slow or many clients cost little and never reach the data path. Runs on the thread of its io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"

namespace portier::admin {

struct Page {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

class HttpVisitors;

class HttpServer {
public:
    // `page` answers a path (without its query).
    HttpServer(boost::asio::io_context& io, Fd listener, std::function<Page(const std::string& path)> page);

private:
    void accept_some();

    boost::asio::io_context& io_;
    Fd listener_;
    std::function<Page(const std::string&)> page_;
    std::shared_ptr<HttpVisitors> visitors_;  // shared with the conversations
    Readable readable_;
    Alarm pause_;
};

}  // namespace portier::admin
