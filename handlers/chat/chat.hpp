// Everybody in the chat: reads lines, carries out commands, sends what is said to everybody in the room. A guest who
// reads slowly gets a bounded queue and then the door, so that he never holds up the others. One thread.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/guest.hpp"
#include "chat/rooms.hpp"
#include "sdk/connections.hpp"
#include "sdk/service.hpp"

namespace chat {

class Chat : public portier::sdk::Service {
public:
    explicit Chat(portier::sdk::Connections& connections) : connections_(connections) {}

    void opened(int fd) override;
    void ready(int fd) override;
    void finish(int fd) override;
    // Rooms need connections: a datagram is not answered.
    std::optional<std::string_view> answer(std::string_view) override { return std::nullopt; }

private:
    void read(int fd, Guest& guest);
    void understand(int fd, Guest& guest, std::string_view line);
    void command(int fd, Guest& guest, std::string_view verb, std::string_view word);
    void rename(int fd, Guest& guest, std::string_view name);
    void join(int fd, Guest& guest, std::string_view room);
    void who(int fd, Guest& guest);

    void tell(int fd, std::string_view text);
    void tell_room(const std::string& room, const std::string& text);
    void dismiss(int fd, const std::string& to_guest, const std::string& to_room);
    void settle();

    portier::sdk::Connections& connections_;
    std::unordered_map<int, Guest> guests_;
    std::set<std::string, std::less<>> names_;
    Rooms rooms_;
    // Broken or overfull while something was sent to them: settle() sees to them afterwards, because they may stand in
    // the very list that is being walked.
    std::vector<int> broken_;
    std::vector<int> overfull_;
    unsigned long long next_number_ = 1;
    std::array<char, 16384> buffer_;
};

}  // namespace chat
