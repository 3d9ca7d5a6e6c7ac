// The dialect `portier`: our own handoff contract (handlers/README.md). The process tells how many doors it can hold,
// *credit*, and which it has, *taken*. Desk thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

#include "delivery/handoff/process_channel.hpp"

namespace portier::delivery {

class HandoffChannel final : public ProcessChannel {
public:
    explicit HandoffChannel(Setup setup);

    void on_readable() override;
    void end() override;
    std::uint64_t under_way() const override;
    void drain() override;
    void evict(const net::Eviction& eviction) override;

private:
    enum class Said { something, nothing, farewell };

    std::uint64_t window() const override;
    std::error_code transmit(std::uint64_t id, const Accepted& accepted) override;
    std::error_code tell_idle(std::uint32_t idle_ms);
    Said read_one();
    void on_taken(std::uint64_t id);

    std::uint64_t inherited_ = 0;  // last id that a router before us had sent
    bool drain_due_ = false;
    std::optional<std::uint32_t> told_idle_ms_;  // for the flows that follow
    std::vector<std::byte> message_;
};

}  // namespace portier::delivery
