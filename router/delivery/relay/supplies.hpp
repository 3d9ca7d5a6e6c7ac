// What a relay borrows while data moves and gives back when it rests: buffers for copying, pipes for splicing. One for
// each relay thread and used only there. Pipes are bounded; a buffer is there for everybody, because one that cannot be
// had would stop a connection, and no relay holds more than two.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "net/splice.hpp"

namespace portier::delivery {

class RelaySupplies {
public:
    using Buffer = std::array<char, 32 * 1024>;
    static constexpr std::size_t kPipeCapacity = 1 << 20;
    static constexpr std::size_t kMaxPipes = 128;  // of one thread, at work or resting

    std::unique_ptr<Buffer> take_buffer();
    void give_back(std::unique_ptr<Buffer> buffer);

    // nullopt: none to be had, so copy.
    std::optional<net::Pipe> take_pipe();
    // An empty pipe comes back; one that is not is dropped.
    void give_back(net::Pipe pipe);
    void drop(net::Pipe pipe);

    // What a relay brought from other supplies, or took to them.
    struct Lent {
        std::size_t buffers = 0, pipes = 0;
    };
    void came_along(const Lent& lent);
    void went_along(const Lent& lent);

    // Lent now.
    std::size_t buffers_out() const { return buffers_out_; }
    std::size_t pipes_out() const { return pipes_made_ - pipes_.size(); }

private:
    std::vector<std::unique_ptr<Buffer>> buffers_;
    std::vector<net::Pipe> pipes_;
    std::size_t pipes_made_ = 0;  // or brought, and not closed
    std::size_t buffers_out_ = 0;
    unsigned askings_to_skip_ = 0;
};

}  // namespace portier::delivery
