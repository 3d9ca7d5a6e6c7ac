// How many flows each source has: an IPv4 address, or the /64 network of an IPv6 address (one customer, many
// addresses). A fixed table: nothing is allocated while datagrams come. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "net/endpoint.hpp"

namespace portier::delivery {

class SourceCounts {
public:
    // With room for so many different sources.
    explicit SourceCounts(std::size_t sources);

    std::uint32_t of(const net::Address& source) const;
    void add(const net::Address& source);
    // Precondition: of(source) > 0.
    void remove(const net::Address& source);

private:
    struct Cell {
        std::uint64_t high = 0, low = 0;  // the source
        std::uint32_t count = 0;          // 0: the cell is empty
    };

    static Cell key_of(const net::Address& source);
    std::size_t home(const Cell& cell) const;
    std::size_t find(const Cell& key) const;

    std::vector<Cell> cells_;
    std::uint64_t seed_;
    std::size_t mask_;
};

}  // namespace portier::delivery
