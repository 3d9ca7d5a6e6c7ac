// The board: all counters, in shared memory that the keeper owns, so that they survive a reload and the death of the
// router. The keeper creates it and hands the descriptor to each router. Every counter has one writing thread (named
// beside it), readers look without locks, so a sum may be a moment apart from its parts.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "metrics/handover.hpp"
#include "metrics/labels.hpp"

namespace portier::metrics {

// One writer: a plain load and store, no locked instruction on the data path.
class Counter {
public:
    void add(std::uint64_t amount = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
    std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

// Upper bounds of the buckets in microseconds; what is beyond the last falls into +Inf.
inline constexpr std::array<std::uint64_t, 11> kDispatchBounds{10,   25,   50,    100,    250,    500,
                                                               1000, 2500, 10000, 100000, 1000000};
inline constexpr std::array<std::uint64_t, 11> kDurationBounds{10'000,      100'000,       500'000,       1'000'000,
                                                               5'000'000,   30'000'000,    60'000'000,    300'000'000,
                                                               900'000'000, 3'600'000'000, 14'400'000'000};

class Histogram {
public:
    void observe(const std::array<std::uint64_t, 11>& bounds, std::uint64_t microseconds) {
        std::size_t bucket = 0;
        while (bucket < bounds.size() && microseconds > bounds[bucket]) ++bucket;
        buckets[bucket].add();
        sum_microseconds.add(microseconds);
    }

    std::array<Counter, 12> buckets;  // not cumulative; the last one is +Inf
    Counter sum_microseconds;
};

struct alignas(64) PortRow {
    // Desk thread.
    Counter accepted;
    std::array<Counter, kRejectedNames.size()> rejected;
    // Accounting (admin thread).
    Counter seen;  // accepted by the handler itself (inherit), found by event or dump
    std::array<Counter, kClosedNames.size()> closed;
    Counter received_bytes, sent_bytes;
    Histogram duration;
    Counter accept_queue_length, accept_queue_limit;
    Counter datagrams_dropped;                                 // by the kernel: the queue was full
    std::array<Counter, kFlowClosedNames.size()> flows_ended;  // of handed-off flows
    // Desk thread: connections that a relay has ended. Their bytes and times are its own, not the kernel's.
    struct Relayed {
        std::array<Counter, kClosedNames.size()> closed;
        Counter received_bytes, sent_bytes;
        Histogram duration;
    } relayed;
    // The thread that reads the port's datagrams (handoff: desk, relay: a relay thread).
    struct Flows {
        Counter created;
        Counter handed;     // of these, to a process: accounting counts their ends
        Counter evictions;  // so many ends were asked for since there was no room
        std::array<Counter, kFlowClosedNames.size()> closed;
        Counter datagrams_received, datagrams_sent;
        std::array<Counter, kDroppedNames.size()> datagrams_dropped;
    } flows;

    std::uint64_t total_closed() const {
        std::uint64_t sum = 0;
        for (const Counter& counter : closed) sum += counter.get();
        for (const Counter& counter : relayed.closed) sum += counter.get();
        return sum;
    }
    std::uint64_t total_flows_ended() const {
        std::uint64_t sum = 0;
        for (const Counter& counter : flows_ended) sum += counter.get();
        return sum;
    }
    std::uint64_t active_flows() const {
        std::uint64_t gone = total_flows_ended();
        for (const Counter& counter : flows.closed) gone += counter.get();
        const std::uint64_t come = flows.created.get();
        return come > gone ? come - gone : 0;
    }
    std::uint64_t active() const {
        const std::uint64_t gone = total_closed();  // first: a connection is accepted before it is closed
        const std::uint64_t come = accepted.get() + seen.get();
        return come > gone ? come - gone : 0;
    }
};

// One started process; a successor in the same slot has a row of its own until both are gone.
struct alignas(64) ProcessRow {
    // Keeper.
    std::atomic<std::uint32_t> state{0};  // ProcessState; absent: the row is free
    std::atomic<std::uint32_t> handler{0};
    std::atomic<std::uint32_t> slot{0};
    std::atomic<std::int32_t> pid{0};
    Counter started_ms;  // wall clock
    Counter resident_bytes, open_fds, cpu_microseconds;
    Counter held;  // connections that it accepted itself, where several processes share a listener
    // Desk thread: the handoff channel's state, read again by a router that takes over.
    Counter sent, taken, credit;
    Counter stopping;  // 1: the process wants no more, or shall get no more
    // Accounting.
    Counter opened;  // found by event or dump (inherit)
    Counter ended;

    // The router may write here, too, and nobody trusts it with an index.
    ProcessState get_state() const {
        const std::uint32_t number = state.load(std::memory_order_relaxed);
        return number < kProcessStateNames.size() ? static_cast<ProcessState>(number) : ProcessState::absent;
    }
    std::uint64_t active() const {
        const std::uint64_t gone = ended.get();
        const std::uint64_t come = sent.get() + opened.get();
        return held.get() + (come > gone ? come - gone : 0);
    }
};

struct HandlerRow {
    // Keeper.
    std::array<Counter, kRestartedNames.size()> restarts;
    Counter ended_cpu_microseconds;  // of processes that are gone
    Counter spawned, spawned_ended;  // processes for a connection each (spawn)
    std::array<Counter, kExitedNames.size()> exits;
    // Desk thread.
    Counter queue_length;  // connections that wait for a backend (relay)

    std::uint64_t running() const {  // of those for a connection each
        const std::uint64_t gone = spawned_ended.get();
        const std::uint64_t come = spawned.get();
        return come > gone ? come - gone : 0;
    }
};

// One address of a relay.
struct alignas(64) BackendRow {
    // Desk thread.
    Counter up;             // 0: failed its checks, or is passed over after failures
    Counter opened, ended;  // connections or flows
    std::array<Counter, kBackendFailedNames.size()> failures;
    // The relay thread of the handler's UDP ports.
    struct Flows {
        Counter opened, ended;
        std::array<Counter, kBackendFailedNames.size()> failures;
    } flows;

    std::uint64_t active() const {
        const std::uint64_t gone = ended.get() + flows.ended.get();
        const std::uint64_t come = opened.get() + flows.opened.get();
        return come > gone ? come - gone : 0;
    }

    // The router that wrote here is gone, its connections too; flows that live on are taken back one by one.
    void settle() {
        ended.set(opened.get());
        flows.ended.set(flows.opened.get());
    }
};

struct RoleRow {  // each process of ours writes its own
    Counter pid, started_ms, cpu_microseconds, resident_bytes, virtual_bytes, open_fds, max_fds;
};

struct Globals {
    // Keeper.
    // So many rows have ever been used; the others are never looked at.
    Counter port_rows, process_rows, handler_rows, backend_rows;
    Counter generation, last_reload_ok, last_reload_ms, started_ms;
    std::array<Counter, kReloadResultNames.size()> reloads;
    std::array<Counter, kRouterRestartNames.size()> router_restarts;
    // Accounting.
    Counter accounting_resyncs;
    // Desk thread.
    Histogram dispatch_handoff, dispatch_relay;
    Histogram dispatch_spawn;      // keeper
    std::array<RoleRow, 2> roles;  // keeper, router
};

// One live connection in the ledger (desk/ledger.hpp).
struct LedgerEntry {
    std::uint64_t cookie;
    std::uint64_t packed;  // since when, port row, process row
};

// One of them that came with a PROXY header (desk/proxied_ledger.hpp).
struct ProxiedEntry {
    std::uint64_t cookie;
    ProxiedEnds ends;
};

inline constexpr std::size_t kMaxPortRows = 16384;
inline constexpr std::size_t kMaxProcessRows = 16384;
inline constexpr std::size_t kMaxHandlerRows = 16384;
inline constexpr std::size_t kMaxBackendRows = 16384;
inline constexpr std::size_t kMaxConnections = 1 << 26;
inline constexpr std::size_t kMaxProxied = 1 << 22;

// Pages are only taken up when they are first written, so the generous sizes cost nothing.
struct Board {
    Globals globals;
    std::array<HandlerRow, kMaxHandlerRows> handlers;
    std::array<PortRow, kMaxPortRows> ports;
    std::array<BackendRow, kMaxBackendRows> backends;
    std::array<ProcessRow, kMaxProcessRows> processes;  // row 0 is nobody: a connection whose process is not known
    HandoverQueue handovers;
    alignas(64) std::atomic<std::uint64_t> ledger_size{0};
    std::array<LedgerEntry, kMaxConnections> ledger;
    alignas(64) std::atomic<std::uint64_t> proxied_size{0};
    std::array<ProxiedEntry, kMaxProxied> proxied;

    // Rows of processes from 1 up to here have been used.
    std::size_t end_of_processes() const {
        return static_cast<std::size_t>(std::min<std::uint64_t>(globals.process_rows.get(), kMaxProcessRows));
    }
};

// A mapping of the board. Movable; unmaps at the end.
class BoardMemory {
public:
    static BoardMemory create();               // throws std::system_error
    static BoardMemory attach(Fd descriptor);  // throws std::system_error
    BoardMemory(BoardMemory&& other) noexcept;
    BoardMemory& operator=(BoardMemory&&) = delete;
    ~BoardMemory();

    Board& operator*() const { return *board_; }
    Board* operator->() const { return board_; }
    int descriptor() const { return descriptor_.get(); }

private:
    explicit BoardMemory(Fd descriptor);

    Fd descriptor_;
    Board* board_ = nullptr;
};

}  // namespace portier::metrics
