#include <fmt/format.h>

#include <cstring>

#include "report.hpp"

namespace portier::guests {
namespace {

std::string histogram_object(const Histogram& histogram) {
    const auto microseconds = [&](double percent) { return static_cast<double>(histogram.percentile(percent)) / 1e3; };
    return fmt::format(
        R"({{"count":{},"mean":{:.2f},"p50":{:.2f},"p90":{:.2f},"p99":{:.2f},"p99_9":{:.2f},"max":{:.2f}}})",
        histogram.count(), histogram.mean() / 1e3, microseconds(50), microseconds(90), microseconds(99),
        microseconds(99.9), static_cast<double>(histogram.max()) / 1e3);
}

std::string failures_object(const Tally& tally) {
    return fmt::format(
        R"({{"total":{},"refused":{},"reset_before_request":{},"reset_after_request":{},"timeout":{},"short":{},)"
        R"("wrong":{},"system":{}}})",
        tally.failures(), tally.of(Outcome::refused), tally.of(Outcome::reset_before_request),
        tally.of(Outcome::reset_after_request), tally.of(Outcome::timeout), tally.of(Outcome::short_answer),
        tally.of(Outcome::wrong_answer), tally.of(Outcome::system_error));
}

std::string settings(const Options& options) {
    return fmt::format(R"("mode":"{}","target":"{}","size":{},"at_a_time":{},"processes":{},"sources":{},)"
                       R"("rate":{},"seed":{})",
                       to_string(options.mode), net::to_string(options.target), options.size, options.slots,
                       options.processes, options.sources, options.rate, options.seed);
}

}  // namespace

std::string json_report(const Options& options, const Result& result) {
    const Tally& tally = result.tally;
    const double seconds = tally.seconds();
    const double per_second = seconds > 0 ? 1 / seconds : 0;
    const std::string error =
        tally.system_errno == 0 ? "null" : fmt::format("\"{}\"", std::strerror(tally.system_errno));
    return fmt::format(
               R"({{{},"seconds":{:.6f},"operations":{},"ok":{},"ok_per_second":{:.3f},"failures":{},"system_error":{},)"
               R"("connections":{},"held":{},"late":{},"sent_bytes":{},"received_bytes":{},"received_bits_per_second":{:.0f},)"
               R"("connect_us":{},"response_us":{},"broken_processes":{}}})",
               settings(options), seconds, tally.operations(), tally.of(Outcome::ok),
               static_cast<double>(tally.of(Outcome::ok)) * per_second, failures_object(tally), error,
               tally.connections, tally.held, tally.late, tally.sent_bytes, tally.received_bytes,
               static_cast<double>(tally.received_bytes) * per_second * 8, histogram_object(tally.connect),
               histogram_object(tally.response), result.broken_processes) +
           "\n";
}

}  // namespace portier::guests
