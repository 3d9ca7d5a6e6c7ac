#include "delivery/relay/supplies.hpp"

namespace portier::delivery {

namespace {

// Resting ones that are kept; a thread seldom needs many at once.
constexpr std::size_t kKeptBuffers = 64;
constexpr std::size_t kKeptPipes = 32;
constexpr unsigned kSkippedAskings = 1000;         // after the kernel gave none
constexpr std::size_t kLeastCapacity = 64 * 1024;  // a smaller pipe costs more calls than copying

}  // namespace

std::unique_ptr<RelaySupplies::Buffer> RelaySupplies::take_buffer() {
    ++buffers_out_;
    if (buffers_.empty()) return std::unique_ptr<Buffer>(new Buffer);  // not filled with zeros
    auto buffer = std::move(buffers_.back());
    buffers_.pop_back();
    return buffer;
}

void RelaySupplies::give_back(std::unique_ptr<Buffer> buffer) {
    if (!buffer) return;
    --buffers_out_;
    if (buffers_.size() < kKeptBuffers) buffers_.push_back(std::move(buffer));
}

std::optional<net::Pipe> RelaySupplies::take_pipe() {
    if (!pipes_.empty()) {
        net::Pipe pipe = std::move(pipes_.back());
        pipes_.pop_back();
        return pipe;
    }
    if (pipes_made_ >= kMaxPipes || (askings_to_skip_ > 0 && askings_to_skip_-- > 0)) return std::nullopt;
    auto pipe = net::make_pipe(kPipeCapacity, kLeastCapacity);
    if (pipe)
        ++pipes_made_;
    else
        askings_to_skip_ = kSkippedAskings;
    return pipe;
}

void RelaySupplies::give_back(net::Pipe pipe) {
    if (pipes_.size() == kKeptPipes) return drop(std::move(pipe));
    pipes_.push_back(std::move(pipe));
}

void RelaySupplies::drop(net::Pipe) {
    --pipes_made_;
}

void RelaySupplies::came_along(const Lent& lent) {
    buffers_out_ += lent.buffers;
    pipes_made_ += lent.pipes;
}

void RelaySupplies::went_along(const Lent& lent) {
    buffers_out_ -= lent.buffers;
    pipes_made_ -= lent.pipes;
}

}  // namespace portier::delivery
