// One person in the chat. Values only; one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sdk/line_buffer.hpp"
#include "sdk/outbox.hpp"

namespace chat {

inline constexpr std::size_t kMaxLine = 1024;
inline constexpr std::size_t kMaxName = 32;
// What may wait for a guest who reads slowly; more, and he has to leave.
inline constexpr std::size_t kMaxQueue = 256 * 1024;

struct Guest {
    std::string name;
    std::string room = "lobby";
    portier::sdk::LineBuffer lines{kMaxLine};
    portier::sdk::Outbox outbox;
    bool leaving = false;  // out of his room; closed as soon as the outbox is empty
};

// The line with control bytes and invalid UTF-8 shown as \xNN, so that nobody can write on another's terminal.
std::string harmless(std::string_view line);

// One word of at most kMaxName bytes that a terminal shows as it is.
bool is_name(std::string_view text);

}  // namespace chat
