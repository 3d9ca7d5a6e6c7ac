// Writes whole lines to a descriptor that may be anything (file, terminal, pipe, journal socket) and that others share,
// without ever waiting for who reads it: what does not fit now is dropped. One thread at a time.
#pragma once

#include <string_view>

#include "base/fd.hpp"

namespace portier {

class LineWriter {
public:
    // `fd` stays the caller's, and so do its flags: whoever shares it expects it to block.
    explicit LineWriter(int fd);

    // Longer lines are cut: a pipe that can be written to takes only so much at once (PIPE_BUF).
    std::size_t max_line() const { return kind_ == Kind::pipe ? 4096 : 32768; }
    bool has_room() const;
    // `line` with its newline. False: dropped.
    bool write(std::string_view line);

private:
    int descriptor() const { return own_ ? own_.get() : fd_; }
    ssize_t put(std::string_view bytes) const;

    enum class Kind { socket, pipe, other };

    int fd_;
    Fd own_;  // of a terminal
    Kind kind_ = Kind::other;
    bool line_open_ = false;  // only a part of the last line went out
};

}  // namespace portier
