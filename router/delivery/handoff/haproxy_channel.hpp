// The dialect `haproxy`: connections for `bind sockpair@3`. Each message is two zero bytes with one descriptor, and it
// is never answered; what the process has read of the queue is what it has taken, and the kernel tells that. Desk
// thread only.
#pragma once

#include "delivery/handoff/process_channel.hpp"

namespace portier::delivery {

class HaproxyChannel final : public ProcessChannel {
public:
    explicit HaproxyChannel(Setup setup);

    // Edges: every message that is read is an event, because it makes room (unix(7) sockets wake their writers).
    std::uint32_t watched() const override { return EPOLLIN | EPOLLOUT | EPOLLET; }
    void on_readable() override;
    void end() override;
    std::uint64_t under_way() const override { return unread_; }
    void retry() override;
    void drain() override;

private:
    std::uint64_t window() const override;
    std::error_code transmit(std::uint64_t id, const Accepted& accepted) override;
    void hear();
    bool settle();
    void on_gone();

    std::uint64_t unread_ = 0;  // messages in the queue, those of a router before us too
    std::size_t cost_;          // of one message there
};

}  // namespace portier::delivery
