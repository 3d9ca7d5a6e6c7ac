#include "desk/proxied_ledger.hpp"

#include <algorithm>

namespace portier::desk {

ProxiedLedger::Ends ProxiedLedger::ends_of(const metrics::ProxiedEnds& ends) {
    return {.client = {{ends.client_family, ends.client}, ends.client_port},
            .local = {{ends.local_family, ends.local}, ends.local_port},
            .header_size = ends.header_size};
}

// A router that was killed in the middle of remove() leaves its last entry twice; writing them again settles that.
void ProxiedLedger::restore(const std::function<bool(std::uint64_t)>& lives) {
    const std::uint64_t left = std::min<std::uint64_t>(board_.proxied_size.load(), metrics::kMaxProxied);
    board_.proxied_size.store(0);
    for (std::uint64_t position = 0; position < left; ++position) {
        const metrics::ProxiedEntry entry = board_.proxied[position];
        if (lives(entry.cookie)) put(entry.cookie, entry.ends);
    }
}

bool ProxiedLedger::put(std::uint64_t cookie, const metrics::ProxiedEnds& ends) {
    const std::uint64_t size = board_.proxied_size.load(std::memory_order_relaxed);
    const auto present = positions_.find(cookie);
    if (present != positions_.end()) {
        board_.proxied[present->second].ends = ends;
        return true;
    }
    if (size == metrics::kMaxProxied) return false;
    board_.proxied[size] = {cookie, ends};
    positions_[cookie] = static_cast<std::uint32_t>(size);
    board_.proxied_size.store(size + 1, std::memory_order_release);
    return true;
}

std::optional<ProxiedLedger::Ends> ProxiedLedger::find(std::uint64_t cookie) const {
    const auto found = positions_.find(cookie);
    return found == positions_.end() ? std::nullopt : std::optional(ends_of(board_.proxied[found->second].ends));
}

std::optional<ProxiedLedger::Ends> ProxiedLedger::remove(std::uint64_t cookie) {
    const auto found = positions_.find(cookie);
    if (found == positions_.end()) return std::nullopt;
    const std::uint32_t position = found->second;
    const Ends removed = ends_of(board_.proxied[position].ends);
    positions_.erase(found);
    const std::uint64_t last = board_.proxied_size.load(std::memory_order_relaxed) - 1;
    if (position != last) {
        board_.proxied[position] = board_.proxied[last];
        positions_[board_.proxied[last].cookie] = position;
    }
    board_.proxied_size.store(last, std::memory_order_release);
    return removed;
}

}  // namespace portier::desk
