// guests: the load generator that portier is measured with (README.md). Exit codes: 0 every operation was ok,
// 1 at least one was not, 2 bad usage.
#include <cstdio>
#include <exception>

#include "arguments.hpp"
#include "processes.hpp"
#include "report.hpp"

int main(int argc, char** argv) try {
    using namespace portier::guests;
    const auto parsed = parse_arguments(argc, argv);
    if (const auto* exit = std::get_if<Exit>(&parsed)) return exit->code;
    const auto& options = std::get<Options>(parsed);
    const Result result = run_processes(options);
    const bool json = options.output == Output::json;
    std::fputs((json ? json_report(options, result) : text_report(options, result)).c_str(), stdout);
    return result.tally.failures() == 0 && result.broken_processes == 0 ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "guests: %s\n", error.what());
    return 1;
}
