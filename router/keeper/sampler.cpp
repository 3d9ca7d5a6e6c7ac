#include "keeper/sampler.hpp"

#include "metrics/own_usage.hpp"
#include "proc/usage.hpp"

namespace portier::keeper {

namespace {

constexpr std::chrono::seconds kPeriod{2};

}  // namespace

Sampler::Sampler(boost::asio::io_context& io, metrics::Board& board) : board_(board), next_(io) {}

void Sampler::start() {
    sample();
    next_.set(kPeriod, [this] { start(); });
}

void Sampler::sample() {
    metrics::record_own_usage(board_.globals.roles[0]);
    for (std::uint32_t i = 1; i < board_.end_of_processes(); ++i) {
        metrics::ProcessRow& row = board_.processes[i];
        const metrics::ProcessState state = row.get_state();
        if (state == metrics::ProcessState::absent || state == metrics::ProcessState::waiting) continue;
        const auto usage = proc::read_usage(row.pid.load(std::memory_order_relaxed));
        if (!usage) continue;
        row.cpu_microseconds.set(usage->cpu_microseconds);
        row.resident_bytes.set(usage->resident_bytes);
        row.open_fds.set(usage->open_fds);
    }
}

}  // namespace portier::keeper
