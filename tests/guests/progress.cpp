#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace portier::guests {
namespace {

constexpr std::uint64_t kWidth = 40;

std::uint64_t sum(const Stage& stage, std::atomic<std::uint64_t> Share::*member) {
    std::uint64_t total = 0;
    for (const Share& share : stage.shares()) total += (share.*member).load(std::memory_order_relaxed);
    return total;
}

}  // namespace

Progress::Progress(const Options& options, const Stage& stage)
    : options_(options), stage_(stage), on_(options.mode == ModeName::hold && ::isatty(STDERR_FILENO) == 1) {}

std::uint64_t Progress::open() const {
    return sum(stage_, &Share::open);
}

void Progress::show() {
    if (!on_) return;
    const std::uint64_t opened = sum(stage_, &Share::opened);
    const std::uint64_t asked = sum(stage_, &Share::asked);
    if (opened < options_.slots) {
        draw("opening", opened);
    } else if (asked == 0) {
        draw("holding", open());
    } else {
        draw("checking", asked);
    }
}

void Progress::draw(const char* what, std::uint64_t done) const {
    const std::uint64_t full = kWidth * done / options_.slots;
    const std::string bar = std::string(full, '#') + std::string(kWidth - full, '.');
    fmt::print(stderr, "\r{:<8} [{}] {}/{} ", what, bar, done, options_.slots);
    std::fflush(stderr);
}

void Progress::clear() {
    if (on_) fmt::print(stderr, "\r\033[K");
}

}  // namespace portier::guests
