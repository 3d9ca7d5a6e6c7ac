// The ledger: every live connection that processes hold, 16 bytes each on the board plus an index of 5 to 10 bytes
// here. It answers, when the kernel announces the end of a connection, which port and process had it and since when,
// and it survives the router because the entries lie on the board. Accounting's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "metrics/board.hpp"

namespace portier::desk {

class Ledger {
public:
    struct Entry {
        std::uint64_t cookie = 0;
        std::uint64_t since_ms = 0;  // monotonic, kept modulo 2^36 (two years)
        std::uint32_t port = 0;      // row
        std::uint32_t process = 0;   // row
    };

    static std::uint64_t age_ms(const Entry& entry, std::uint64_t now_ms);

    // Reads what a router before us has left.
    explicit Ledger(metrics::Board& board);

    std::uint64_t size() const;
    std::optional<Entry> find(std::uint64_t cookie) const;
    // Adds or replaces. False: full.
    bool put(const Entry& entry);
    std::optional<Entry> remove(std::uint64_t cookie);
    void visit(const std::function<void(const Entry&)>& visit) const;

private:
    static constexpr std::uint32_t kEmpty = ~std::uint32_t{0};

    Entry entry_at(std::uint32_t position) const;
    void write(std::uint32_t position, const Entry& entry);
    std::size_t home(std::uint64_t cookie) const;
    std::size_t find_cell(std::uint64_t cookie) const;  // its cell, or the empty one where it would go
    void drop_last_if_twice();
    void grow();
    void empty_cell(std::size_t cell);

    metrics::Board& board_;
    std::vector<std::uint32_t> index_;  // open addressing: positions in the board's ledger
    std::size_t mask_ = 0;
};

}  // namespace portier::desk
