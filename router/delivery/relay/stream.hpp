// One direction of a relayed connection: reads from one socket and writes to the other, as long as both are willing.
// Begins by copying through a borrowed buffer and moves to splice while reads fill it. Holds nothing while it waits for
// data. Relay thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/fd.hpp"
#include "delivery/relay/supplies.hpp"

namespace portier::delivery {

// A socket of a relayed connection and what epoll, which tells of changes only, has said of it. Both streams of the
// connection use it.
struct RelayEnd {
    Fd socket;
    bool readable = false;  // a read may find something
    bool writable = false;  // a write may find room
    bool read_all = false;  // a short read may not be the last one: its end or urgent data was announced
    int error = 0;          // errno of what ended it: reset, timed out
};

class RelayStream {
public:
    enum class Step {
        resting,   // until the source has something to read, or the sink room
        again,     // the budget is used up
        finished,  // the source has ended, and everything that it sent is written or lost with the sink
    };

    // Moves about `budget` bytes at most. After an error of the sink what comes is thrown away.
    Step move(RelayEnd& source, RelayEnd& sink, RelaySupplies& supplies, std::size_t budget);

    // Bytes that go before those of the source; at most one buffer. Before the first move().
    void begin_with(std::span<const std::byte> bytes, RelaySupplies& supplies);

    // Gives back what is borrowed; the stream is over.
    void release(RelaySupplies& supplies);

    bool source_ended() const { return source_ended_; }
    bool has_buffer() const { return buffer_ != nullptr; }
    bool has_pipe() const { return pipe_.has_value(); }
    bool finished() const { return source_ended_ && pending_ == 0; }
    // Read from the source, written to the sink; the latter with what it began with.
    std::uint64_t read_bytes() const { return read_bytes_; }
    std::uint64_t written_bytes() const { return written_bytes_; }

private:
    bool fill(RelayEnd& source, RelaySupplies& supplies);
    bool on_nothing_read(RelayEnd& source, int error);
    bool flush(RelayEnd& sink);
    ssize_t write_some(int sink);
    void discard(RelaySupplies& supplies);
    void rest(RelaySupplies& supplies);
    void borrow(RelaySupplies& supplies);
    void choose_way(std::size_t size);

    std::unique_ptr<RelaySupplies::Buffer> buffer_;
    std::optional<net::Pipe> pipe_;
    std::uint32_t begin_ = 0;                        // of what waits in the buffer
    std::uint32_t pending_ = 0;                      // bytes read and not written, in the buffer or the pipe
    std::uint8_t full_reads_ = 0, small_reads_ = 0;  // in a row
    bool bulk_ = false;                              // the next reads should go into a pipe
    bool cannot_splice_ = false;
    bool source_ended_ = false;
    std::uint64_t read_bytes_ = 0, written_bytes_ = 0;
};

}  // namespace portier::delivery
