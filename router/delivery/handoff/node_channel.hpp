// The dialect `node`: Node.js's own way to give a child process a connection (net/node_wire), so that a script needs
// nothing but process.on('message', (m, socket) => ...). It acknowledges each one, in order. Desk thread only.
#pragma once

#include "delivery/handoff/process_channel.hpp"

namespace portier::delivery {

class NodeChannel final : public ProcessChannel {
public:
    explicit NodeChannel(Setup setup);

    void on_readable() override;
    void end() override;
    std::uint64_t under_way() const override { return untaken_.size() + before_us_; }
    void retry() override;
    void drain() override;

private:
    enum class Said { something, nothing, farewell };

    std::uint64_t window() const override;
    std::error_code transmit(std::uint64_t id, const Accepted& accepted) override;
    void flush();
    Said read_some();
    void on_bytes(std::string_view bytes);
    void on_line(std::string_view line);
    void on_answer(bool arrived);
    void settle_before_us();

    // What a router that died had under way: answers to it come first. It may have died before it sent the last one, or
    // before it counted an answer, so there can be fewer than it says; until they have come or can come no more, we
    // send nothing whose answer could be mistaken for them.
    std::uint64_t before_us_ = 0;
    std::uint64_t unread_until_us_ = 0;  // when the process was last seen not to have read everything
    std::string unsent_;                 // the rest of a line for which there was no room
    std::string line_;                   // what the process has said, up to a newline that is still to come
    bool drain_due_ = false;
};

}  // namespace portier::delivery
