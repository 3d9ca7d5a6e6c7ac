#include <fmt/format.h>

#include <cstring>

#include "report.hpp"

namespace portier::guests {
namespace {

struct Row {
    Outcome outcome;
    const char* name;
};

constexpr Row kFailures[] = {
    {Outcome::refused, "refused"},
    {Outcome::reset_before_request, "reset before the request"},
    {Outcome::reset_after_request, "reset after the request"},
    {Outcome::timeout, "timed out"},
    {Outcome::short_answer, "closed early"},
    {Outcome::wrong_answer, "wrong answer"},
    {Outcome::system_error, "system error"},
};
static_assert(std::size(kFailures) + 1 == kOutcomes);

std::string duration(double nanoseconds) {
    if (nanoseconds < 1e3) return fmt::format("{:.0f} ns", nanoseconds);
    if (nanoseconds < 1e6) return fmt::format("{:.1f} us", nanoseconds / 1e3);
    if (nanoseconds < 1e9) return fmt::format("{:.2f} ms", nanoseconds / 1e6);
    return fmt::format("{:.2f} s", nanoseconds / 1e9);
}

std::string percentiles(const char* name, const Histogram& histogram) {
    if (histogram.count() == 0) return "";
    std::string line = fmt::format("{:<9}", name);
    for (const double percent : {50.0, 90.0, 99.0, 99.9}) {
        const auto value = static_cast<double>(histogram.percentile(percent));
        line += fmt::format("  p{:g} {}", percent, duration(value));
    }
    return line + fmt::format("  max {}\n", duration(static_cast<double>(histogram.max())));
}

std::string failures(const Tally& tally) {
    std::string text = fmt::format("failed     {}\n", tally.failures());
    for (const Row& row : kFailures) {
        if (tally.of(row.outcome) != 0) text += fmt::format("           {} {}\n", tally.of(row.outcome), row.name);
    }
    if (tally.system_errno != 0) text += fmt::format("           first error: {}\n", std::strerror(tally.system_errno));
    return text;
}

}  // namespace

std::string text_report(const Options& options, const Result& result) {
    const Tally& tally = result.tally;
    const double seconds = tally.seconds();
    const double per_second = seconds > 0 ? 1 / seconds : 0;
    std::string text = fmt::format("{} {}: {} bytes, {} at a time, {} process(es), {} source(s), seed {}\n",
                                   to_string(options.mode), net::to_string(options.target), options.size, options.slots,
                                   options.processes, options.sources, options.seed);
    text += fmt::format("ok         {} in {:.3f} s, {:.0f}/s\n", tally.of(Outcome::ok), seconds,
                        static_cast<double>(tally.of(Outcome::ok)) * per_second);
    text += failures(tally);
    if (options.mode == ModeName::hold) text += fmt::format("held       {}\n", tally.held);
    if (tally.late != 0) text += fmt::format("late       {}\n", tally.late);
    text += fmt::format("bytes      {} sent, {} received\n", tally.sent_bytes, tally.received_bytes);
    if (options.mode == ModeName::stream) {
        const double bits = static_cast<double>(tally.received_bytes) * 8 * per_second;
        text += fmt::format("speed      {:.3f} Gbit/s each way\n", bits / 1e9);
    }
    text += percentiles("connect", tally.connect) + percentiles("response", tally.response);
    if (result.broken_processes != 0)
        text += fmt::format("{} process(es) did not end well: the numbers are incomplete\n", result.broken_processes);
    return text;
}

}  // namespace portier::guests
