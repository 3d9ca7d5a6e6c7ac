#include "delivery/source_counts.hpp"

#include <bit>
#include <cstring>

#include "base/random_seed.hpp"

namespace portier::delivery {

SourceCounts::SourceCounts(std::size_t sources)
    : cells_(std::bit_ceil(sources * 2 + 1)), seed_(random_seed()), mask_(cells_.size() - 1) {}

SourceCounts::Cell SourceCounts::key_of(const net::Address& source) {
    Cell key;
    std::memcpy(&key.high, source.bytes.data(), sizeof key.high);
    key.low = source.family;
    return key;
}

std::size_t SourceCounts::home(const Cell& cell) const {
    std::uint64_t hash = (cell.high ^ seed_) * 0xff51afd7ed558ccdull;
    hash = (hash ^ hash >> 33 ^ cell.low) * 0xc4ceb9fe1a85ec53ull;
    return static_cast<std::size_t>(hash >> 32) & mask_;
}

std::size_t SourceCounts::find(const Cell& key) const {
    std::size_t cell = home(key);
    while (cells_[cell].count && (cells_[cell].high != key.high || cells_[cell].low != key.low))
        cell = (cell + 1) & mask_;
    return cell;
}

std::uint32_t SourceCounts::of(const net::Address& source) const {
    return cells_[find(key_of(source))].count;
}

void SourceCounts::add(const net::Address& source) {
    Cell key = key_of(source);
    Cell& cell = cells_[find(key)];
    key.count = cell.count + 1;
    cell = key;
}

void SourceCounts::remove(const net::Address& source) {
    std::size_t gap = find(key_of(source));
    if (--cells_[gap].count > 0) return;
    // Everything behind the gap that would no longer be found moves up.
    for (std::size_t cell = (gap + 1) & mask_; cells_[cell].count; cell = (cell + 1) & mask_) {
        const bool reachable = ((cell - home(cells_[cell])) & mask_) < ((cell - gap) & mask_);
        if (reachable) continue;
        std::swap(cells_[gap], cells_[cell]);
        gap = cell;
    }
}

}  // namespace portier::delivery
