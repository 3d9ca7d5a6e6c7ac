// The guests of one kitchen: reads their lines, sends the replies, waits for nobody. One thread (sdk::Server's).
#pragma once

#include <array>
#include <string>
#include <unordered_map>

#include "kitchen/menu.hpp"
#include "sdk/connections.hpp"
#include "sdk/line_buffer.hpp"
#include "sdk/outbox.hpp"
#include "sdk/service.hpp"

namespace kitchen {

class House : public portier::sdk::Service {
public:
    House(portier::sdk::Connections& connections, Kind kind) : connections_(connections), kind_(kind) {}

    void opened(int fd) override;
    void ready(int fd) override;
    void finish(int fd) override;
    std::optional<std::string_view> answer(std::string_view datagram) override;

private:
    static constexpr std::size_t kMaxLine = 512;

    struct Guest {
        portier::sdk::LineBuffer lines{kMaxLine};
        portier::sdk::Outbox outbox;
        bool leaving = false;  // closed as soon as the outbox is empty
    };

    void read(int fd, Guest& guest);
    std::string replies(Guest& guest, bool last);
    void settle(int fd, Guest& guest, portier::sdk::Outbox::Result result);
    void close(int fd);

    portier::sdk::Connections& connections_;
    Kind kind_;
    std::unordered_map<int, Guest> guests_;
    std::string datagram_reply_;
    std::array<char, 16384> buffer_;
};

}  // namespace kitchen
