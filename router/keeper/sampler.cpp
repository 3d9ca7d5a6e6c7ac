#include "keeper/sampler.hpp"

#include "metrics/own_usage.hpp"
#include "proc/usage.hpp"

namespace portier::keeper {

namespace {

constexpr std::chrono::seconds kPeriod{2};

}  // namespace

Sampler::Sampler(boost::asio::io_context& io, metrics::Board& board, Processes processes)
    : board_(board), processes_(std::move(processes)), next_(io) {}

void Sampler::start() {
    sample();
    next_.set(kPeriod, [this] { start(); });
}

void Sampler::sample() {
    metrics::record_own_usage(board_.globals.roles[0]);
    for (const HandlerProcess* process : processes_()) {
        const auto usage = proc::read_usage(process->pid());
        if (!usage) continue;
        metrics::ProcessRow& row = board_.processes[process->row()];
        row.cpu_microseconds.set(usage->cpu_microseconds);
        row.resident_bytes.set(usage->resident_bytes);
        row.open_fds.set(usage->open_fds);
    }
}

}  // namespace portier::keeper
