#include "push/house.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#include "push/http_session.hpp"
#include "push/socket.hpp"

namespace push {

House::House() = default;

House::~House() {
    events_.release();  // the loop closes its own descriptor
}

void House::run() {
    intake_.start();
    watch();
    while (!intake_.done(guests.count())) {
        const auto patience = intake_.patience();
        const bool idle = (patience ? io_.run_one_for(std::chrono::milliseconds(*patience)) : io_.run_one()) == 0;
        const std::size_t closed = open_ - std::min(open_, guests.count());
        open_ -= closed;
        intake_.turn_ended(closed, idle);
    }
}

void House::opened(portier::Fd fd) {
    ++open_;
    Socket socket = to_socket(io_, std::move(fd));
    if (socket.is_open()) std::make_shared<HttpSession>(*this, std::move(socket))->start();
}

void House::watch() {
    events_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code) {
        for (const epoll_event& event : loop_.wait(0)) intake_.ready(event.data.fd);
        watch();
    });
}

}  // namespace push
