#include "defaults.hpp"

#include <algorithm>

#include "pattern.hpp"
#include "processes.hpp"
#include "sources.hpp"

namespace portier::guests {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kConnectionsPerSource = 10'000;  // a source has some 28,000 ports; half of them are found fast
constexpr std::uint32_t kSourcesForNewConnections = 64;
constexpr std::uint64_t kLargestDatagram = 65'507;

bool is_loopback4(const net::Address& address) {
    return address.family == 4 && address.bytes[0] == 127;
}

std::uint32_t default_sources(const Options& options) {
    if (!is_loopback4(options.target.address)) return 1;
    const bool many_new = options.mode == ModeName::crr || options.new_flow_per_request;
    const std::uint32_t needed = (options.slots + kConnectionsPerSource - 1) / kConnectionsPerSource;
    return many_new ? std::max(needed, kSourcesForNewConnections) : needed;
}

}  // namespace

const char* to_string(ModeName mode) {
    switch (mode) {
        case ModeName::hold: return "hold";
        case ModeName::crr: return "crr";
        case ModeName::rr: return "rr";
        case ModeName::stream: return "stream";
        case ModeName::udp: return "udp";
    }
    return "?";
}

void fill_in_defaults(Options& options) {
    const bool ends_otherwise = options.mode == ModeName::hold || options.until_stdin || options.total != 0;
    if (!ends_otherwise && options.duration == 0s) options.duration = 10s;
    if (options.timeout == 0s) options.timeout = 10s;
    const Nanoseconds unbounded = 10min;
    if (options.limit == 0s) {
        const bool timed = options.mode != ModeName::hold && options.duration != 0s;
        options.limit = (timed ? options.duration + options.timeout : options.duration + unbounded) + 60s;
    }
    options.processes = std::min(processes_needed(options), options.slots);
    if (options.sources == 0) options.sources = default_sources(options);
}

std::optional<std::string> complaint_about(const Options& options) {
    if (options.sources > 1 && !is_loopback4(options.target.address))
        return "--sources: only an IPv4 loopback target can be reached from many addresses";
    if (options.sources > Sources::kMost) return "--sources: at most 4194304";
    if (options.processes > 1024) return "--processes: at most 1024";
    if (options.size == 0) return "--size: nothing to send";
    if (options.mode == ModeName::udp && (options.size < Message::kHeader || options.size > kLargestDatagram))
        return "--size: a datagram has 16 to 65507 bytes here";
    if (options.mode == ModeName::stream && options.size > Pattern::kWindow) return "--size: at most 256KiB for stream";
    return {};
}

}  // namespace portier::guests
