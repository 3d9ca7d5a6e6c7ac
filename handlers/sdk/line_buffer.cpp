#include "sdk/line_buffer.hpp"

namespace portier::sdk {

std::optional<std::string_view> LineBuffer::next() {
    const std::string_view waiting = rest();
    const std::size_t end = waiting.find('\n');
    if (too_long_ || end == waiting.npos) return std::nullopt;
    if (end > max_line_) {
        too_long_ = true;
        return std::nullopt;
    }
    start_ += end + 1;
    std::string_view line = waiting.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

}  // namespace portier::sdk
