#include "delivery/relay/stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace portier::delivery {

namespace {

constexpr std::uint8_t kFullReads = 2;         // in a row: splice
constexpr std::uint8_t kSmallReads = 8;        // in a row: copy
constexpr std::size_t kSmallRead = 16 * 1024;  // copying this costs less than two splices
constexpr std::size_t kBufferSize = sizeof(RelaySupplies::Buffer);

}  // namespace

RelayStream::Step RelayStream::move(RelayEnd& source, RelayEnd& sink, RelaySupplies& supplies, std::size_t budget) {
    const std::uint64_t limit = read_bytes_ + budget;
    for (;;) {
        if (sink.error) discard(supplies);
        if (!flush(sink)) {
            if (!sink.error) return Step::resting;
            continue;
        }
        if (source_ended_ || !source.readable) {
            rest(supplies);
            return source_ended_ ? Step::finished : Step::resting;
        }
        if (read_bytes_ >= limit) return Step::again;
        source.readable = fill(source, supplies);
    }
}

void RelayStream::begin_with(std::span<const std::byte> bytes, RelaySupplies& supplies) {
    if (bytes.empty()) return;
    buffer_ = supplies.take_buffer();
    pending_ = static_cast<std::uint32_t>(std::min(bytes.size(), kBufferSize));
    std::memcpy(buffer_->data(), bytes.data(), pending_);
}

// False: nothing more to read now.
bool RelayStream::fill(RelayEnd& source, RelaySupplies& supplies) {
    borrow(supplies);
    const int fd = source.socket.get();
    const ssize_t size = pipe_ ? net::splice_from(fd, *pipe_) : ::recv(fd, buffer_->data(), kBufferSize, 0);
    if (size <= 0) return on_nothing_read(source, size < 0 ? errno : 0);
    begin_ = 0;
    pending_ = static_cast<std::uint32_t>(size);
    read_bytes_ += pending_;
    choose_way(pending_);
    // A short read has emptied the socket and what comes later will be announced (epoll(7)), but the end may have been
    // announced already. A pipe can be full before the socket is empty.
    return pipe_ || source.read_all || pending_ == kBufferSize;
}

bool RelayStream::on_nothing_read(RelayEnd& source, int error) {
    if (error == EINTR) return true;
    if (error == EAGAIN) return false;
    if (error == EINVAL && pipe_) {  // not every kind of socket can splice
        cannot_splice_ = true;
        return true;
    }
    if (error && !source.error) source.error = error;
    source_ended_ = true;
    return false;
}

// The buffer or a pipe, as the last reads suggest. Nothing is pending now, so what is not needed can go back.
void RelayStream::borrow(RelaySupplies& supplies) {
    if (cannot_splice_) bulk_ = false;
    if (!bulk_ && pipe_) supplies.give_back(std::move(*std::exchange(pipe_, std::nullopt)));
    if (bulk_ && !pipe_) pipe_ = supplies.take_pipe();
    if (pipe_)
        supplies.give_back(std::exchange(buffer_, nullptr));
    else if (!buffer_)
        buffer_ = supplies.take_buffer();
    bulk_ = pipe_.has_value();
}

// Reads that fill the buffer ask for a pipe, a series of small ones for the buffer.
void RelayStream::choose_way(std::size_t size) {
    full_reads_ = size < kBufferSize ? std::uint8_t{0} : static_cast<std::uint8_t>(full_reads_ + 1);
    small_reads_ = size > kSmallRead ? std::uint8_t{0} : static_cast<std::uint8_t>(small_reads_ + 1);
    if (full_reads_ >= kFullReads) bulk_ = true;
    if (small_reads_ >= kSmallReads) bulk_ = false;
    full_reads_ %= kFullReads;
    small_reads_ %= kSmallReads;
}

// False: something is left, because there is no room or the sink has failed.
bool RelayStream::flush(RelayEnd& sink) {
    while (pending_ > 0) {
        if (!sink.writable) return false;
        const ssize_t size = write_some(sink.socket.get());
        if (size > 0) {
            begin_ += static_cast<std::uint32_t>(size);
            pending_ -= static_cast<std::uint32_t>(size);
            written_bytes_ += static_cast<std::uint64_t>(size);
        } else if (errno == EAGAIN) {
            sink.writable = false;
        } else if (errno != EINTR) {
            sink.error = errno;
            return false;
        }
    }
    return true;
}

ssize_t RelayStream::write_some(int sink) {
    if (pipe_) return net::splice_to(*pipe_, sink, pending_);
    return ::send(sink, buffer_->data() + begin_, pending_, MSG_NOSIGNAL);
}

void RelayStream::discard(RelaySupplies& supplies) {
    if (pending_ > 0 && pipe_) supplies.drop(std::move(*std::exchange(pipe_, std::nullopt)));
    pending_ = 0;
    cannot_splice_ = true;
}

void RelayStream::rest(RelaySupplies& supplies) {
    supplies.give_back(std::exchange(buffer_, nullptr));
    if (pipe_) supplies.give_back(std::move(*std::exchange(pipe_, std::nullopt)));
}

void RelayStream::release(RelaySupplies& supplies) {
    discard(supplies);
    rest(supplies);
}

}  // namespace portier::delivery
