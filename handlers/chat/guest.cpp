#include "chat/guest.hpp"

#include "base/text.hpp"

namespace chat {

std::string harmless(std::string_view line) {
    std::string text;
    for (;;) {
        const std::size_t backslash = line.find('\\');
        text += portier::escape(line.substr(0, backslash));
        if (backslash == line.npos) return text;
        text += '\\';  // escape() would double it
        line.remove_prefix(backslash + 1);
    }
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kMaxName && text.find(' ') == text.npos && harmless(text) == text;
}

}  // namespace chat
