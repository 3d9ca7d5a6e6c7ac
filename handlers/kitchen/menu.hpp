// What a kitchen says to a request line: dishes for orders, a polite refusal otherwise. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kitchen {

enum class Kind { veg, non_veg };

// "veg" or "non-veg"
std::optional<Kind> parse_kind(std::string_view text);

struct Reply {
    std::string text;  // one line, with its end
    bool goodbye = false;
};

// Any bytes are welcome as a request; what is repeated of them is harmless on a terminal.
Reply reply_to(Kind kind, std::string_view request);

}  // namespace kitchen
