// What the desk thread tells the accounting thread of each connection that goes to a process. The queue lies on the
// board (metrics/board.hpp).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace portier::metrics {

// The ends of a connection as a PROXY header told them, where the kernel only knows those of the socket.
struct ProxiedEnds {
    std::uint8_t client_family = 0, local_family = 0;  // 4 or 6; 0: there was no header
    std::uint16_t client_port = 0, local_port = 0;
    std::uint16_t header_size = 0;  // bytes that the kernel counts and the handler never sees
    std::array<std::uint8_t, 16> client{}, local{};
};

// A record that the desk thread leaves for the accounting thread at each handover.
struct Handover {
    std::uint64_t cookie;
    std::uint64_t accepted_ms;  // monotonic
    std::uint32_t process;      // row
    std::uint32_t port;         // row
    ProxiedEnds ends = {};
};

// One writer, one reader, bounded; lives on the board, so that the next router finds what the last one left. The ends
// lie apart: without PROXY headers their memory is never touched.
struct HandoverQueue {
    // Read at least ten times a second (desk/accounting), so this is enough for 150,000 connections a second.
    static constexpr std::size_t kCapacity = 16384;
    alignas(64) std::atomic<std::uint64_t> written{0};
    alignas(64) std::atomic<std::uint64_t> read{0};
    struct Item {
        std::uint64_t cookie, accepted_ms;
        std::uint32_t process, port;
    };
    static constexpr std::uint32_t kHasEnds = std::uint32_t{1} << 31;  // in Item::port
    std::array<Item, kCapacity> items;
    std::array<ProxiedEnds, kCapacity> ends;

    bool push(const Handover& item) {  // desk thread; false: full
        const std::uint64_t at = written.load(std::memory_order_relaxed);
        if (at - read.load(std::memory_order_acquire) == kCapacity) return false;
        const bool has_ends = item.ends.client_family != 0;
        if (has_ends) ends[at % kCapacity] = item.ends;
        items[at % kCapacity] = {item.cookie, item.accepted_ms, item.process, item.port | (has_ends ? kHasEnds : 0)};
        written.store(at + 1, std::memory_order_release);
        return true;
    }
    // So full that the writer should wait: what it has in hand must still fit.
    bool nearly_full() const {  // desk thread
        return written.load(std::memory_order_relaxed) - read.load(std::memory_order_relaxed) > kCapacity - 1024;
    }
    // The oldest record, which stays until advance(): who dies in between leaves it to the next router.
    bool peek(Handover& item) const {  // accounting thread
        const std::uint64_t at = read.load(std::memory_order_relaxed);
        if (at == written.load(std::memory_order_acquire)) return false;
        const Item& found = items[at % kCapacity];
        item = {found.cookie, found.accepted_ms, found.process, found.port & ~kHasEnds};
        if (found.port & kHasEnds) item.ends = ends[at % kCapacity];
        return true;
    }
    void advance() { read.store(read.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
    bool pop(Handover& item) {
        const bool found = peek(item);
        if (found) advance();
        return found;
    }
};

}  // namespace portier::metrics
