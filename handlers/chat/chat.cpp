#include "chat/chat.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace chat {

using portier::sdk::Outbox;

void Chat::opened(int fd) {
    Guest& guest = guests_[fd];
    do guest.name = "guest-" + std::to_string(next_number_++);
    while (!names_.insert(guest.name).second);
    tell(fd, "* welcome, " + guest.name + "; you are in the lobby; commands: /name NICK /join ROOM /who /bye\n");
    tell_room(guest.room, "* " + guest.name + " came in\n");
    rooms_.enter(fd, guest.room);
    settle();
}

void Chat::ready(int fd) {
    Guest& guest = guests_.at(fd);
    const auto result = guest.outbox.flush(fd);
    if (result == Outbox::Result::broken) broken_.push_back(fd);
    if (result == Outbox::Result::sent) connections_.wait_for(fd, EPOLLIN);
    if (result != Outbox::Result::broken && !guest.leaving) read(fd, guest);
    if (guest.leaving && guest.outbox.empty()) broken_.push_back(fd);
    settle();
}

void Chat::finish(int fd) {
    dismiss(fd, "* the chat closes, goodbye\n", "");
    settle();
}

void Chat::read(int fd, Guest& guest) {
    const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return broken_.push_back(fd);
    guest.lines.append({buffer_.data(), static_cast<std::size_t>(size)});
    while (!guest.leaving) {
        const auto line = guest.lines.next();
        if (!line) break;
        understand(fd, guest, *line);
    }
    if (!guest.leaving && guest.lines.too_long())
        dismiss(fd, "* that line is too long, goodbye\n", "wrote too long a line");
}

void Chat::understand(int fd, Guest& guest, std::string_view line) {
    if (line.empty()) return;
    if (line[0] != '/') return tell_room(guest.room, "<" + guest.name + "> " + harmless(line) + "\n");
    const std::size_t space = line.find(' ');
    command(fd, guest, line.substr(1, space - 1), space == line.npos ? "" : line.substr(space + 1));
}

void Chat::command(int fd, Guest& guest, std::string_view verb, std::string_view word) {
    if (verb == "who") return who(fd, guest);
    if (verb == "bye") return dismiss(fd, "* goodbye\n", "left");
    if (verb != "name" && verb != "join") return tell(fd, "* commands: /name NICK /join ROOM /who /bye\n");
    if (!is_name(word)) return tell(fd, "* a name is one word of at most 32 letters\n");
    if (verb == "name")
        rename(fd, guest, word);
    else
        join(fd, guest, word);
}

void Chat::rename(int fd, Guest& guest, std::string_view name) {
    if (!names_.emplace(name).second) return tell(fd, "* somebody is called " + std::string(name) + " already\n");
    names_.erase(guest.name);
    const std::string before = std::exchange(guest.name, name);
    tell_room(guest.room, "* " + before + " is now " + guest.name + "\n");
}

void Chat::join(int fd, Guest& guest, std::string_view room) {
    rooms_.leave(fd, guest.room);
    tell_room(guest.room, "* " + guest.name + " went to another room\n");
    guest.room = room;
    rooms_.enter(fd, guest.room);
    tell_room(guest.room, "* " + guest.name + " came into " + guest.room + "\n");
}

void Chat::who(int fd, Guest& guest) {
    std::string text = "* in " + guest.room + ":";
    for (const int other : rooms_.in(guest.room)) text.append(" ").append(guests_.at(other).name);
    tell(fd, text + "\n");
}

void Chat::tell(int fd, std::string_view text) {
    Guest& guest = guests_.at(fd);
    switch (guest.outbox.send(fd, text)) {
        case Outbox::Result::broken: return broken_.push_back(fd);
        case Outbox::Result::sent: return;
        case Outbox::Result::waiting: break;
    }
    // Whether he reads or not, he may go on talking and hearing until the queue is full.
    connections_.wait_for(fd, EPOLLIN | EPOLLOUT);
    if (guest.outbox.size() > kMaxQueue) overfull_.push_back(fd);
}

void Chat::tell_room(const std::string& room, const std::string& text) {
    for (const int fd : rooms_.in(room)) tell(fd, text);
}

void Chat::dismiss(int fd, const std::string& to_guest, const std::string& to_room) {
    Guest& guest = guests_.at(fd);
    if (guest.leaving) return;
    guest.leaving = true;
    rooms_.leave(fd, guest.room);
    names_.erase(guest.name);
    if (!to_room.empty()) tell_room(guest.room, "* " + guest.name + " " + to_room + "\n");
    if (to_guest.empty() || guest.outbox.send(fd, to_guest) != Outbox::Result::waiting) return broken_.push_back(fd);
    connections_.wait_for(fd, EPOLLOUT);
    // tcp(7): the kernel gives up on a client that fetches nothing for this long, and we hear of it.
    const unsigned patience_ms = 10'000;
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
}

void Chat::settle() {
    // Telling a room that somebody left may show that somebody else is gone: until nobody is.
    while (!broken_.empty() || !overfull_.empty()) {
        for (const int fd : std::exchange(overfull_, {})) {
            if (!guests_.contains(fd)) continue;
            if (!guests_.at(fd).leaving) guests_.at(fd).outbox.cut();
            dismiss(fd, "* you read too slowly, goodbye\n", "read too slowly");
        }
        for (const int fd : std::exchange(broken_, {})) {
            if (!guests_.contains(fd)) continue;
            dismiss(fd, "", "left");
            guests_.erase(fd);
            connections_.close(fd);
        }
    }
}

}  // namespace chat
