// Cuts a byte stream into lines of bounded length; ends with LF or CRLF. Values only; one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace portier::sdk {

class LineBuffer {
public:
    explicit LineBuffer(std::size_t max_line) : max_line_(max_line) {}

    void append(std::string_view bytes) {
        data_.erase(0, std::exchange(start_, 0));
        data_ += bytes;
    }

    // The next whole line without its end, valid until append(); nullopt: none.
    std::optional<std::string_view> next();
    // What came after the last line end: a last line without an end, when nothing more will come.
    std::string_view rest() const { return std::string_view(data_).substr(start_); }
    // A line, finished or not, is longer than allowed; next() returns no more.
    bool too_long() const {
        return too_long_ || (rest().size() > max_line_ && rest().find('\n') == std::string_view::npos);
    }

private:
    std::size_t max_line_;
    std::string data_;
    std::size_t start_ = 0;
    bool too_long_ = false;
};

}  // namespace portier::sdk
