#include "sdk/server.hpp"

#include <cstdio>
#include <exception>

namespace portier::sdk {

void Server::run() {
    intake_.start();
    while (!intake_.done(connections_.count())) {
        const auto events = loop_.wait(intake_.patience());
        for (const epoll_event& event : events) {
            if (connections_.has(event.data.fd))
                service_->ready(event.data.fd);
            else
                intake_.ready(event.data.fd);
        }
        intake_.turn_ended(connections_.take_closed(), events.empty());
    }
}

void Server::opened(Fd socket) {
    const int fd = socket.get();
    connections_.add(std::move(socket));
    service_->opened(fd);
    if (connections_.has(fd)) connections_.watch(fd);
}

void Server::finish() {
    connections_.for_each([this](int fd) { service_->finish(fd); });
}

int serve(const char* program, const Server::Make& make) {
    try {
        Server(make).run();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", program, error.what());
        return 1;
    }
}

}  // namespace portier::sdk
