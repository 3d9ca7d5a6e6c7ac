#include "sdk/listeners.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/error.hpp"

namespace portier::sdk {

namespace {

bool out_of_resources(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// accept(2): these speak of the one connection that failed, not of the listener.
bool concerns_one_connection(int error) {
    switch (error) {
        case EINTR:
        case ECONNABORTED:
        case EPERM:
        case EPROTO:
        case ENOPROTOOPT:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET:
        case EOPNOTSUPP: return true;
        default: return false;
    }
}

}  // namespace

void Listeners::add(Fd socket) {
    // Several processes are woken for one connection: whoever comes late must not hang in accept.
    const int flags = ::fcntl(socket.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) < 0) throw_errno("inherited listener");
    listeners_.push_back({std::move(socket), false});
    resume();
    if (!listeners_.back().watched) throw_errno("watching an inherited listener");
}

Listeners::Listener* Listeners::find(int fd) {
    for (Listener& listener : listeners_)
        if (listener.socket.get() == fd) return &listener;
    return nullptr;
}

Fd Listeners::next(Listener& listener) {
    for (;;) {
        Fd socket(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket || errno == EAGAIN) return socket;
        if (concerns_one_connection(errno)) continue;
        paused_ = out_of_resources(errno);
        unwatch(listener);
        return {};
    }
}

void Listeners::unwatch(Listener& listener) {
    if (listener.watched) loop_.remove(listener.socket.get());
    listener.watched = false;
}

void Listeners::resume() {
    paused_ = false;
    // EPOLLEXCLUSIVE: a connection wakes one of the processes that share the listener, not all.
    for (Listener& listener : listeners_)
        if (!listener.watched) listener.watched = loop_.add(listener.socket.get(), EPOLLIN | EPOLLEXCLUSIVE);
}

void Listeners::stop() {
    for (Listener& listener : listeners_) unwatch(listener);
    listeners_.clear();
    paused_ = false;
}

}  // namespace portier::sdk
