// The closed lists of label values: each enumerator is the place of its word in the array beside it. A word that is
// taken away or moved changes what is on the board, so new ones come last.
#pragma once

#include <array>

namespace portier::metrics {

enum class Rejected { limit, source_limit, rate, source_rate, denied, aborted, error, proxy_header, proxy_timeout };
inline constexpr std::array<const char*, 9> kRejectedNames{
    "limit", "source_limit", "rate", "source_rate", "denied", "aborted", "error", "proxy_header", "proxy_timeout"};
// The last ones are a relay's: nobody answered, or everybody was at the limit.
enum class Closed {
    client_close,
    handler_close,
    client_reset,
    handler_reset,
    timeout,
    unknown,
    idle,
    no_backend,
    queue_full,
    queue_timeout
};
inline constexpr std::array<const char*, 10> kClosedNames{
    "client_close", "handler_close", "client_reset", "handler_reset", "timeout",
    "unknown",      "idle",          "no_backend",   "queue_full",    "queue_timeout"};
// Why a flow ended, and why a datagram went nowhere.
enum class FlowClosed { handler_close, idle, evicted, error, unknown };
inline constexpr std::array<const char*, 5> kFlowClosedNames{"handler_close", "idle", "evicted", "error", "unknown"};
enum class Dropped { queue_full, denied, limit, source_limit, proxy_header, no_backend, send_failed, truncated, stray };
inline constexpr std::array<const char*, 9> kDroppedNames{
    "queue_full", "denied", "limit", "source_limit", "proxy_header", "no_backend", "send_failed", "truncated", "stray"};
// How a process of delivery `spawn` ended: its exit code, where programs agree on what it means (sysexits, shells).
// The last one: it could not be started.
enum class Exited { ok, failed, misused, not_executable, not_found, other_code, signal, not_started };
inline constexpr std::array<const char*, 8> kExitedNames{"0", "1", "2", "126", "127", "other", "signal", "not_started"};
// Why a backend was not used, or lost.
enum class BackendFailed { refused, timeout, unreachable, health };
inline constexpr std::array<const char*, 4> kBackendFailedNames{"refused", "timeout", "unreachable", "health"};
enum class ProcessState { absent, starting, ready, draining, stopping, waiting };
inline constexpr std::array<const char*, 6> kProcessStateNames{"absent",   "starting", "ready",
                                                               "draining", "stopping", "waiting"};
enum class Restarted { exit, signal, watchdog, ready_timeout, failed };
inline constexpr std::array<const char*, 5> kRestartedNames{"exit", "signal", "watchdog", "ready_timeout", "failed"};
enum class ReloadResult { applied, unchanged, failed };
inline constexpr std::array<const char*, 3> kReloadResultNames{"applied", "unchanged", "failed"};

// How a router that died was lost.
inline constexpr std::array<const char*, 2> kRouterRestartNames{"exit", "signal"};

}  // namespace portier::metrics
