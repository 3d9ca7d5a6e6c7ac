#include "kitchen/house.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace kitchen {

using portier::sdk::Outbox;

void House::opened(int fd) {
    guests_.try_emplace(fd);
    ready(fd);
}

void House::ready(int fd) {
    Guest& guest = guests_.at(fd);
    // A guest who does not fetch his replies is not asked for more orders: that bounds what we keep for him.
    if (guest.outbox.empty())
        read(fd, guest);
    else
        settle(fd, guest, guest.outbox.flush(fd));
}

void House::finish(int fd) {
    ready(fd);
    if (!connections_.has(fd)) return;
    Guest& guest = guests_.at(fd);
    guest.leaving = true;
    if (guest.outbox.empty()) close(fd);
}

std::optional<std::string_view> House::answer(std::string_view datagram) {
    datagram_reply_ = reply_to(kind_, datagram.substr(0, kMaxLine)).text;
    return datagram_reply_;
}

void House::read(int fd, Guest& guest) {
    const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) return close(fd);
    guest.lines.append({buffer_.data(), static_cast<std::size_t>(size)});
    const std::string text = replies(guest, size == 0);
    settle(fd, guest, guest.outbox.send(fd, text));
}

std::string House::replies(Guest& guest, bool last) {
    std::string text;
    const auto serve = [&](std::string_view line) {
        const Reply reply = reply_to(kind_, line);
        text += reply.text;
        guest.leaving |= reply.goodbye;
    };
    while (!guest.leaving) {
        const auto line = guest.lines.next();
        if (!line) break;
        serve(*line);
    }
    if (!guest.leaving && guest.lines.too_long()) {
        text += "sorry, that line is too long\n";
        guest.leaving = true;
    }
    if (!guest.leaving && last && !guest.lines.rest().empty()) serve(guest.lines.rest());
    guest.leaving |= last;
    return text;
}

void House::settle(int fd, Guest& guest, Outbox::Result result) {
    if (result == Outbox::Result::broken || (result == Outbox::Result::sent && guest.leaving)) return close(fd);
    connections_.wait_for(fd, result == Outbox::Result::sent ? EPOLLIN : EPOLLOUT);
}

void House::close(int fd) {
    guests_.erase(fd);
    connections_.close(fd);
}

}  // namespace kitchen
