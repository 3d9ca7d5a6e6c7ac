#include "keeper/output.hpp"

#include <fcntl.h>

#include <array>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace portier::keeper {

namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr unsigned kLinesPerSecond = 100;
constexpr std::uint64_t kWindowMs = 1000;
constexpr int kReadsPerTurn = 16;
constexpr std::chrono::milliseconds kFloodPause{100};
constexpr std::size_t kBytesPerSecond = 4 << 20;

}  // namespace

Output::Output(boost::asio::io_context& io, std::string handler, std::optional<std::uint32_t> slot)
    : io_(io),
      handler_(std::move(handler)),
      process_(slot ? LogField("process", *slot) : LogField("process", "-")),
      pause_(io),
      window_end_(io) {}

Fd Output::open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw_errno("pipe for the output of handler " + handler_);
    pipe_ = Fd(ends[0]);
    Fd write_end(ends[1]);
    // Only our end: O_NONBLOCK on the other would surprise the program.
    ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
    readable_ = std::make_unique<Readable>(io_, pipe_.get(), [this] { read_some(); });
    readable_->wait();
    return write_end;
}

void Output::read_some() {
    std::array<char, 4096> buffer;
    for (int i = 0; i < kReadsPerTurn; ++i) {
        const ssize_t size = ::read(pipe_.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) break;
        if (size == 0) return;  // everybody who could write is gone
        take({buffer.data(), static_cast<std::size_t>(size)});
        if (is_flood(static_cast<std::size_t>(size))) return pause_.set(kFloodPause, [this] { read_some(); });
    }
    readable_->wait();
}

// Who writes without end waits for us now and then, as for any slow reader of a pipe.
bool Output::is_flood(std::size_t size) {
    const std::uint64_t now = monotonic_milliseconds();
    if (now - bytes_window_ms_ >= kWindowMs) {
        bytes_window_ms_ = now;
        bytes_ = 0;
    }
    bytes_ += size;
    return bytes_ > kBytesPerSecond;
}

void Output::finish() {
    if (!readable_) return;
    read_some();
    readable_.reset();
    pause_.cancel();
    pipe_.reset();
    if (!line_.empty()) print_line();
    tell_left_out();
}

void Output::take(std::string_view bytes) {
    for (const char byte : bytes) {
        if (byte == '\n')
            print_line();
        else if (line_.size() < kMaxLine)
            line_ += byte;
        else
            line_cut_ = true;
    }
}

void Output::print_line() {
    if (!line_.empty()) last_line_ = line_;
    const std::string line = std::exchange(line_, {}) + (std::exchange(line_cut_, false) ? " [cut]" : "");
    const std::uint64_t now = monotonic_milliseconds();
    if (now - window_ms_ >= kWindowMs) {
        tell_left_out();
        window_ms_ = now;
        printed_ = 0;
    }
    if (printed_ < kLinesPerSecond) {
        ++printed_;
        log_info(line, {{"handler", handler_}, process_});
    } else if (left_out_++ == 0) {
        window_end_.set(std::chrono::milliseconds(window_ms_ + kWindowMs - now), [this] { tell_left_out(); });
    }
}

void Output::tell_left_out() {
    window_end_.cancel();
    const std::uint64_t lines = std::exchange(left_out_, 0);
    if (lines) log_warning("output of a handler was left out", {{"handler", handler_}, process_, {"lines", lines}});
}

}  // namespace portier::keeper
