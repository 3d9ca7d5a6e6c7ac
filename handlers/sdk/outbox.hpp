// What a connection is owed: sends at once what the kernel takes and keeps the rest, in order. Whoever fills it bounds
// it by size(). One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace portier::sdk {

class Outbox {
public:
    enum class Result { sent, waiting, broken };

    // `waiting`: the rest goes out with flush() when the socket is writable.
    Result send(int fd, std::string_view bytes);
    Result flush(int fd);

    bool empty() const { return unsent_.empty(); }
    std::size_t size() const { return unsent_.size(); }
    // Forgets all but the rest of the line that is half sent, so that what is added next begins a line.
    void cut();

private:
    std::string unsent_;
};

}  // namespace portier::sdk
